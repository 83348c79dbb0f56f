package blockstore

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// An anchor is counter(8) ‖ HMAC-SHA256(anchor key, volume(16) ‖ counter(8) ‖ set hash(32)).
const anchorSize = 8 + 32

func anchorName(h *volumeHeader) string { return "volume/" + hex.EncodeToString(h.rid[:]) }

func anchorMessage(h *volumeHeader) []byte {
	m := binary.BigEndian.AppendUint64(append([]byte(nil), h.rid[:]...), h.currentView.counter)
	return append(m, h.currentView.records[:]...)
}

// saveAnchor records that the volume has reached its current state.
func (s *Store) saveAnchor(ctx context.Context, h *volumeHeader, k *volumeKeys) error {
	if s.anchors == nil {
		return nil
	}
	sum := k.anchor.Sum(anchorMessage(h))
	v := binary.BigEndian.AppendUint64(nil, h.currentView.counter)
	if err := s.anchors.Save(ctx, anchorName(h), append(v, sum[:]...)); err != nil {
		return fmt.Errorf("blockstore: save anchor of %s: %w", h.id, err)
	}
	return nil
}

// checkAnchor refuses a volume that is older than its anchor. After a crash the index
// is newer, so a higher counter is accepted, and an equal one with an equal hash.
func (s *Store) checkAnchor(ctx context.Context, h *volumeHeader, k *volumeKeys) error {
	if s.anchors == nil {
		return nil
	}
	v, err := s.anchors.Load(ctx, anchorName(h))
	if err != nil {
		return fmt.Errorf("blockstore: load anchor of %s: %w", h.id, err)
	}
	if v == nil {
		return nil // never attached: the volume is as it was created
	}
	if len(v) != anchorSize {
		return corrupt(KindAnchor, h.id, "anchor of %d bytes", len(v))
	}
	counter := binary.BigEndian.Uint64(v)
	switch {
	case counter > h.currentView.counter:
		return fmt.Errorf("%w: %s is at update %d, its anchor at %d", ErrRollback, h.id, h.currentView.counter, counter)
	case counter == h.currentView.counter && !k.anchor.VerifySum(anchorMessage(h), v[8:]):
		return fmt.Errorf("%w: %s differs from its anchor at update %d", ErrRollback, h.id, counter)
	}
	return nil
}
