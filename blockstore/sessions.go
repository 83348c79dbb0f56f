package blockstore

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"coffer.example/aead"
)

// openSession is a session whose key is ready.
type openSession struct {
	number uint32
	volume uint32 // that wrote its blocks: the origin
	sealer *aead.Session
}

// sessionSet opens the sessions that blocks of one device name. It is bounded and
// safe for concurrent use.
type sessionSet struct {
	store *Store
	keys  map[uint32]*volumeKeys // by K record; fixed

	mu   sync.RWMutex // guards open
	open map[uint32]*openSession
}

func newSessionSet(s *Store, keys map[uint32]*volumeKeys) *sessionSet {
	return &sessionSet{store: s, keys: keys, open: make(map[uint32]*openSession)}
}

// get returns the session, deriving its key on first use.
func (ss *sessionSet) get(number uint32) (*openSession, error) {
	ss.mu.RLock()
	o := ss.open[number]
	ss.mu.RUnlock()
	if o != nil {
		return o, nil
	}
	v, err := ss.store.index.get(numberKey(prefixSession, number))
	if errors.Is(err, ErrNotFound) {
		return nil, corrupt(KindSession, "", "session %d is missing", number)
	}
	if err != nil {
		return nil, err
	}
	rec, err := decodeSession(v)
	if err != nil {
		return nil, corrupt(KindSession, "", "session %d: %v", number, err)
	}
	if o, err = ss.derive(number, rec); err != nil {
		return nil, err
	}
	ss.add(o)
	return o, nil
}

func (ss *sessionSet) derive(number uint32, rec *sessionRecord) (*openSession, error) {
	k := ss.keys[rec.dek]
	if k == nil {
		return nil, corrupt(KindSession, "", "session %d is of data key %d, which this volume does not have", number, rec.dek)
	}
	sealer, err := k.dek.Session(k.suite, rec.salt[:], ss.store.super.store, rec.rid)
	if err != nil {
		return nil, err
	}
	return &openSession{number: number, volume: rec.volume, sealer: sealer}, nil
}

func (ss *sessionSet) add(o *openSession) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if len(ss.open) >= maxSessionCache {
		for victim := range ss.open {
			delete(ss.open, victim)
			break
		}
	}
	ss.open[o.number] = o
}

// begin starts a write session of a volume: a fresh salt, hence a key under which
// nothing has ever been sealed, whatever happened to counters, disks or copies of
// the directory. The record is durable before the first block can be referenced.
func (ss *sessionSet) begin(h *volumeHeader) (*openSession, error) {
	s := ss.store
	number, err := s.nextNumber(numberSession)
	if err != nil {
		return nil, err
	}
	rec := &sessionRecord{dek: h.keys[0].dek, volume: h.number, rid: h.rid,
		first: s.sequence.Load() + 1, openedAt: s.clock().UnixNano()}
	if _, err := io.ReadFull(s.rand, rec.salt[:]); err != nil {
		return nil, fmt.Errorf("blockstore: draw salt: %w", err)
	}
	o, err := ss.derive(number, rec)
	if err != nil {
		return nil, err
	}
	b := s.index.newBatch()
	b.set(numberKey(prefixSession, number), rec.encode())
	if err := s.index.commit(b); err != nil {
		return nil, err
	}
	ss.add(o)
	return o, nil
}
