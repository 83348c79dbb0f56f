package blockstore

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"
)

// What Inspect* return says how things are kept, for people who debug. It holds no key,
// wrapped key, salt, tag or content.

// StoreInfo describes a store.
type StoreInfo struct {
	ID         string   `json:"id"`
	Format     int      `json:"format"`
	WriteCount uint64   `json:"writeCount"` // opens so far
	ZoneSlots  uint64   `json:"zoneSlots"`
	Zones      int      `json:"zones"`
	Access     string   `json:"access"` // how zone files are reached
	Engine     string   `json:"engine"` // how writes get there, see DiskEngine
	Journal    string   `json:"journal"`
	ReadOnly   bool     `json:"readOnly"`
	Failed     string   `json:"failed,omitempty"`
	Damage     []string `json:"damage,omitempty"`
	Sequence   uint64   `json:"sequence"` // last one taken
	Volumes    int      `json:"volumes"`
	Snapshots  int      `json:"snapshots"`
	DataKeys   int      `json:"dataKeys"`
	Sessions   int      `json:"sessions"`
	UsedBytes  uint64   `json:"usedBytes"`
	FreeBytes  uint64   `json:"freeBytes"` // in the zones that there are
	DeadBytes  uint64   `json:"deadBytes"` // given up, but still read or backed up
	PoolLimit  uint64   `json:"poolLimit"` // bytes; 0 none
	DiskFree   uint64   `json:"diskFree"`  // bytes of the file system
	Reserve    int64    `json:"reserve"`   // bytes of it that are held back
	SpaceLow   bool     `json:"spaceLow"`
}

// InspectStore describes the store.
func (s *Store) InspectStore() (StoreInfo, error) {
	m := s.Metrics()
	out := StoreInfo{
		ID: fmt.Sprintf("%x", s.super.store[:]), Format: superVersion, WriteCount: s.super.writeCount,
		ZoneSlots: s.super.zoneSlots, Zones: s.alloc.zones(), Access: s.access(), Engine: s.DiskEngine(), Journal: s.journal.describe(), ReadOnly: s.readOnly || s.damaged.Load(),
		Sequence: s.sequence.Load(), Volumes: int(m.Volumes), Snapshots: int(m.Snapshots),
		UsedBytes: m.UsedSlots * BlockSize, FreeBytes: m.FreeSlots * BlockSize, DeadBytes: m.DeadSlots * BlockSize,
		PoolLimit: s.alloc.maxSlots * BlockSize, Reserve: max(s.reserve, 0), SpaceLow: m.SpaceLow,
	}
	if err := s.index.failure(); err != nil {
		out.Failed = err.Error()
		return out, nil
	}
	for _, err := range s.Damage() {
		out.Damage = append(out.Damage, err.Error())
	}
	out.DiskFree, _ = freeBytes(s.fs, s.dir) // 0 where the file system does not say
	var err error
	if out.DataKeys, err = s.countKeys(prefixDEK); err == nil {
		out.Sessions, err = s.countKeys(prefixSession)
	}
	return out, err
}

func (s *Store) countKeys(prefix byte) (n int, err error) {
	err = s.index.scan([]byte{prefix}, rangeEnd([]byte{prefix}), func(_, _ []byte) (bool, error) {
		n++
		return true, nil
	})
	return n, err
}

// accessor is a zone file that can say how it reaches the disk.
type accessor interface{ access() string }

// access says how the newest zone is reached; they are all reached alike.
func (s *Store) access() string {
	s.zonesMu.RLock()
	defer s.zonesMu.RUnlock()
	if len(s.zones) == 0 {
		return "no zone yet"
	}
	if a, ok := s.zones[len(s.zones)-1].file.(accessor); ok {
		return a.access()
	}
	return "injected file system, buffered"
}

// ZoneInfo describes a zone.
type ZoneInfo struct {
	Number         int    `json:"number"`
	Path           string `json:"path"`
	Access         string `json:"access"`
	SizeBytes      int64  `json:"sizeBytes"`
	AllocatedBytes int64  `json:"allocatedBytes"` // by the file system; -1 if it does not say
	UsedSlots      int    `json:"usedSlots"`
	FreeSlots      int    `json:"freeSlots"`
	FreeGroups     int    `json:"freeGroups"`    // groups of slots wholly free
	PunchedGroups  int    `json:"punchedGroups"` // of them, those that take no space or never did
	Failed         string `json:"failed,omitempty"`
}

// InspectZone describes a zone.
func (s *Store) InspectZone(number int) (ZoneInfo, error) {
	s.zonesMu.RLock()
	zones := s.zones
	s.zonesMu.RUnlock()
	if number < 0 || number >= len(zones) {
		return ZoneInfo{}, fmt.Errorf("%w: zone %d of %d", ErrNotFound, number, len(zones))
	}
	z := zones[number]
	out := ZoneInfo{Number: number, Path: zoneName(s.dir, number), Access: s.access(), AllocatedBytes: -1}
	info, err := s.fs.Stat(out.Path)
	if err != nil {
		return out, fmt.Errorf("blockstore: %w", err)
	}
	out.SizeBytes = info.Size()
	if !s.injected {
		out.AllocatedBytes = allocatedBytes(filepath.Clean(out.Path))
	}
	if err := z.failure(); err != nil {
		out.Failed = err.Error()
	}
	a := s.alloc
	a.mu.Lock()
	defer a.mu.Unlock()
	for g := number * a.groupsPerZone; g < (number+1)*a.groupsPerZone; g++ {
		from, to := a.groupRange(g)
		free := int(a.groupFree[g])
		out.FreeSlots += free
		out.UsedSlots += int(to-from) - free
		if free == int(to-from) {
			out.FreeGroups++
			if a.state[g] == groupUnwritten {
				out.PunchedGroups++
			}
		}
	}
	return out, nil
}

// SessionInfo describes a write session.
type SessionInfo struct {
	Number   uint32    `json:"number"`
	Volume   uint32    `json:"volume"` // number of the origin of its blocks
	VolumeID string    `json:"volumeId,omitempty"`
	DataKey  uint32    `json:"dataKey"`
	First    uint64    `json:"firstSequence"`
	Opened   time.Time `json:"opened"`
}

// InspectSession describes a write session.
func (s *Store) InspectSession(number uint32) (SessionInfo, error) {
	v, err := s.index.get(numberKey(prefixSession, number))
	if err != nil {
		return SessionInfo{}, fmt.Errorf("session %d: %w", number, err)
	}
	rec, err := decodeSession(v)
	if err != nil {
		return SessionInfo{}, corrupt(KindSession, "", "session %d: %v", number, err)
	}
	out := SessionInfo{Number: number, Volume: rec.volume, DataKey: rec.dek, First: rec.first, Opened: time.Unix(0, rec.openedAt).UTC()}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v := s.volumes[rec.volume]; v != nil {
		out.VolumeID = v.id
	}
	return out, nil
}

// TreeNode is one view: a volume's current state, or a snapshot of it. Hidden ones are in the tree too.
type TreeNode struct {
	Volume     uint32 `json:"volume"` // number
	Generation uint32 `json:"generation"`
	ID         string `json:"id"`
	Kind       string `json:"kind"`            // volume, copy or snapshot
	State      string `json:"state"`           // live, hidden, deleting, gone
	Reads      string `json:"reads,omitempty"` // the volume/generation that it reads through
	Pins       int    `json:"pins"`            // clones and readers that keep it
	Sequence   uint64 `json:"sequence,omitempty"`
	SizeBytes  int64  `json:"sizeBytes"`
	DataKey    uint32 `json:"dataKey"`
}

// InspectTree lists every view in the order of volumes and generations.
func (s *Store) InspectTree() []TreeNode {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []TreeNode
	for _, n := range slices.Sorted(maps.Keys(s.volumes)) {
		v := s.volumes[n]
		for _, sn := range v.snapshots {
			out = append(out, TreeNode{Volume: n, Generation: sn.generation, ID: sn.id, Kind: "snapshot", State: sn.state.String(),
				Reads: readsName(sn.parent, sn.parentGen), Pins: v.pins[sn.generation], Sequence: sn.sequence, SizeBytes: sn.size, DataKey: sn.keys[0].dek})
		}
		h := v.header
		kind := "volume"
		if v.isCopy {
			kind = "copy"
		}
		node := TreeNode{Volume: n, Generation: h.generation, ID: h.id, Kind: kind, State: h.state.String(),
			Reads: readsName(h.parent, h.parentGen), SizeBytes: h.size}
		if len(h.keys) > 0 {
			node.DataKey = h.keys[0].dek
		}
		out = append(out, node)
	}
	slices.SortStableFunc(out, func(a, b TreeNode) int { return cmp.Compare(a.Volume, b.Volume) })
	return out
}

func readsName(volume, generation uint32) string {
	if volume == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", volume, generation)
}

// String names a state.
func (v volumeState) String() string {
	switch v {
	case volumeLive:
		return "live"
	case volumeDeleting:
		return "deleting"
	}
	return "gone"
}

// String names a state.
func (s snapshotState) String() string {
	switch s {
	case snapshotLive:
		return "live"
	case snapshotHidden:
		return "hidden"
	}
	return "deleting"
}
