package blockstore

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"coffer.example/aead"
)

// Device is an open volume: io.ReaderAt, io.WriterAt and the operations of a block
// device. It is safe for concurrent use. Offsets and lengths are bytes and need no
// alignment; whole blocks are cheapest.
type Device struct {
	store    *Store
	vol      *volume
	number   uint32
	rid      aead.ID
	size     atomic.Int64  // bytes; GrowVolume raises it
	keys     []*volumeKeys // own first
	sessions *sessionSet
	chain    atomic.Pointer[[]level] // what shows through where the volume has no record of its own
	uncached bool                    // reads go to the zones (Verify)
	view     *snapshotHeader         // set for a View: it has no records of its own, only the chain

	// freezeMu: every write holds it shared from taking its sequence to entering the
	// dirty map; a round takes it alone to freeze the map, and a snapshot reads its
	// sequence under it.
	freezeMu sync.RWMutex
	active   *dirtySet // guarded by freezeMu
	shards   [dirtyShards]shard
	dirty    atomic.Int64 // bytes in active and frozen sets

	windows atomic.Pointer[windowTable]

	session struct {
		sync.Mutex // for starting the next one
		current    atomic.Pointer[openSession]
		left       atomic.Int64 // blocks the current session may still seal
	}

	rounds  rounder
	failMu  sync.Mutex // guards err
	err     error
	closed  atomic.Bool
	scratch sync.Pool // of *aead.Scratch
}

// level is one parent a read can fall through to.
type level struct {
	volume     uint32
	generation uint32
	rid        aead.ID
	blocks     uint64 // that show through
	keys       *volumeKeys
}

// AttachOptions change how Attach opens a volume.
type AttachOptions struct {
	// Keys acts for whoever attaches; nil takes the store's Keyring.
	Keys Keyring
	// AcceptRollback attaches a volume that is older than its anchor, because that is meant (a restored backup).
	AcceptRollback bool
}

// Attach opens a volume for reading and writing: it unwraps the data key and starts a write session.
func (s *Store) Attach(ctx context.Context, id string) (*Device, error) {
	return s.AttachWith(ctx, id, AttachOptions{})
}

// AttachWith is Attach with options. A volume is attached once at a time; Detach ends it.
func (s *Store) AttachWith(ctx context.Context, id string, o AttachOptions) (*Device, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	v := s.byID[id]
	if v == nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: volume %s", ErrNotFound, id)
	}
	if v.attached {
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: %s", ErrAttached, id)
	}
	v.attached = true
	s.mu.Unlock()
	d, err := s.openDevice(ctx, v, o)
	if err != nil {
		s.mu.Lock()
		v.attached = false
		s.mu.Unlock()
		return nil, err
	}
	return d, nil
}

// Detach flushes, saves the anchor and ends the attachment. The device is of no use afterwards, also after an error.
func (d *Device) Detach(ctx context.Context) error {
	s := d.store
	s.mu.Lock()
	if !d.vol.attached || d.vol.device != d {
		s.mu.Unlock()
		return ErrDetached
	}
	s.mu.Unlock()
	err := d.flushAndAnchor(ctx)
	s.mu.Lock()
	d.vol.attached = false
	s.mu.Unlock()
	return firstError(err, s.releaseDevice(ctx, d))
}

// openDevice takes a reference to the volume's device, opening it if it is not. The
// data keys are unwrapped in either case: whoever attaches must be allowed to.
func (s *Store) openDevice(ctx context.Context, v *volume, o AttachOptions) (*Device, error) {
	if o.Keys == nil {
		o.Keys = s.keys
	}
	v.roundMu.Lock() // no round, deletion or other open meanwhile
	defer v.roundMu.Unlock()
	s.mu.RLock()
	h, d, closed := v.header, v.device, s.closed
	known := s.byID[v.id] == v
	s.mu.RUnlock()
	if closed || !known || h.state != volumeLive {
		return nil, fmt.Errorf("%w: volume %s", ErrNotFound, h.id)
	}
	keys, err := s.unwrapAll(ctx, h.id, h.keys, o.Keys)
	if err != nil {
		return nil, err
	}
	if d != nil {
		for _, k := range keys {
			k.destroy()
		}
		if err := d.failure(); err != nil {
			return nil, err
		}
		s.mu.Lock()
		v.refs++
		s.mu.Unlock()
		return d, nil
	}
	if d, err = s.newDevice(ctx, v, h, keys, o); err != nil {
		for _, k := range keys {
			k.destroy()
		}
		return nil, err
	}
	s.mu.Lock()
	v.device, v.refs = d, 1
	s.mu.Unlock()
	return d, nil
}

func (s *Store) newDevice(ctx context.Context, v *volume, h *volumeHeader, keys []*volumeKeys, o AttachOptions) (*Device, error) {
	if err := h.open(keys[0]); err != nil {
		return nil, err
	}
	if !o.AcceptRollback {
		if err := s.checkAnchor(ctx, h, keys[0]); err != nil {
			return nil, err
		}
	}
	byNumber := make(map[uint32]*volumeKeys, len(keys))
	for _, k := range keys {
		byNumber[k.number] = k
	}
	chain, err := s.parentChain(h, byNumber)
	if err != nil {
		return nil, err
	}
	d := &Device{store: s, vol: v, number: h.number, rid: h.rid, keys: keys,
		sessions: newSessionSet(s, byNumber)}
	d.active = &dirtySet{owner: d, number: 1}
	d.resize(h.size)
	d.chain.Store(&chain)
	d.scratch.New = func() any { return new(aead.Scratch) }
	for i := range d.shards {
		sh := &d.shards[i]
		sh.active, sh.frozen, sh.spare = map[uint64]*dirtyExtent{}, map[uint64]*dirtyExtent{}, map[uint64]*dirtyExtent{}
	}
	if err := d.startSession(); err != nil {
		return nil, err
	}
	if h.walkDone != 0 { // a snapshot that kept the parent may have gone while nobody had the keys
		if err := d.updateHeader(func(*volumeHeader) {}); err != nil {
			return nil, err
		}
	}
	if err := s.saveAnchor(ctx, d.header(), keys[0]); err != nil {
		return nil, err
	}
	d.rounds.start(d)
	return d, nil
}

// parentChain resolves what a volume reads through, nearest first.
func (s *Store) parentChain(h *volumeHeader, keys map[uint32]*volumeKeys) ([]level, error) {
	return s.parentChainLimit(h, keys, MaxDepth+1) // a view is one level above its volume
}

func (s *Store) parentChainLimit(h *volumeHeader, keys map[uint32]*volumeKeys, limit int) ([]level, error) {
	if h.flags&flagFlattened != 0 {
		return nil, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var chain []level
	parent, gen, overlap := h.parent, h.parentGen, h.overlap
	blocks := uint64(h.size) / BlockSize
	for parent != 0 {
		p := s.volumes[parent]
		sn := s.parentSnapshot(parent, gen)
		if p == nil || sn == nil || len(chain) >= limit {
			return nil, corrupt(KindVolumeHeader, h.id, "parent %d/%d is missing", parent, gen)
		}
		k := keys[sn.keys[0].dek]
		if k == nil {
			return nil, corrupt(KindVolumeHeader, h.id, "no data key for parent %s", sn.id)
		}
		if _, err := sn.open(k, p.rid); err != nil {
			return nil, err
		}
		blocks = min(blocks, uint64(overlap)/BlockSize)
		chain = append(chain, level{volume: parent, generation: gen, rid: p.rid, blocks: blocks, keys: k})
		parent, gen, overlap = sn.parent, sn.parentGen, sn.overlap
		if sn.flags&flagFlattened != 0 {
			break
		}
	}
	return chain, nil
}

// releaseDevice gives up a reference; the last one closes the device.
func (s *Store) releaseDevice(ctx context.Context, d *Device) error {
	s.mu.Lock()
	d.vol.refs--
	last := d.vol.refs == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	err := d.flushAndAnchor(ctx)
	if d.leave() {
		d.end()
	}
	return err
}

// leave takes the device from its volume unless somebody has opened it again. Rounds
// that come later see it closed; end waits for them, so it must not hold roundMu.
func (d *Device) leave() bool {
	d.vol.roundMu.Lock()
	defer d.vol.roundMu.Unlock()
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	if d.vol.refs != 0 || d.vol.device != d {
		return false
	}
	d.vol.device = nil
	return d.closed.CompareAndSwap(false, true)
}

// shutdown ends a device at the store's close, whoever uses it.
func (d *Device) shutdown(ctx context.Context) error {
	err := d.flushAndAnchor(ctx)
	s := d.store
	s.mu.Lock()
	if d.vol.device == d {
		d.vol.device, d.vol.attached, d.vol.refs = nil, false, 0
	}
	s.mu.Unlock()
	if d.closed.CompareAndSwap(false, true) {
		d.end()
	}
	return err
}

// end stops the rounds of a closed device and gives up what they have not committed.
func (d *Device) end() {
	d.rounds.stop()
	d.discard()
	d.discardFrozen()
	d.store.stager.kick() // what was given up is free once it has been written
	d.store.blocks.forget(d)
	for _, k := range d.keys {
		k.destroy()
	}
}

// discardFrozen gives up the blocks of a round that has failed. If its commit did, the
// records may be durable: then the store has failed, and the next open counts.
func (d *Device) discardFrozen() {
	d.vol.roundMu.Lock()
	defer d.vol.roundMu.Unlock()
	if d.store.index.failure() != nil {
		return
	}
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		for _, e := range sh.frozen {
			for _, b := range e.blocks {
				d.forget(b)
			}
		}
		clear(sh.frozen)
		sh.mu.Unlock()
	}
}

// abort makes the device useless because its volume is being deleted. It needs
// roundMu, so no round is under way, and none can commit afterwards.
func (d *Device) abort() {
	_ = d.fail(ErrDetached)
	d.discard()
}

// discard gives up the slots of blocks that no round will commit.
func (d *Device) discard() {
	d.freezeMu.Lock()
	defer d.freezeMu.Unlock()
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		for _, e := range sh.active {
			for _, b := range e.blocks {
				d.forget(b)
			}
		}
		clear(sh.active)
		sh.mu.Unlock()
	}
}

// levels returns the chain.
func (d *Device) levels() []level { return *d.chain.Load() }

// dropChain ends reading through parents: everything they showed is the volume's own
// now. It returns when no read that began before still looks at them.
func (d *Device) dropChain() {
	d.chain.Store(new([]level))
	d.store.epochs.barrier()
}

func (d *Device) flushAndAnchor(ctx context.Context) error {
	if err := d.Flush(ctx); err != nil {
		return err
	}
	d.vol.roundMu.Lock()
	defer d.vol.roundMu.Unlock()
	return d.store.saveAnchor(ctx, d.header(), d.keys[0])
}

// header returns the volume's current header.
func (d *Device) header() *volumeHeader {
	d.store.mu.RLock()
	defer d.store.mu.RUnlock()
	return d.vol.header
}

// ID returns the volume's id.
func (d *Device) ID() string {
	if d.view != nil {
		return d.view.id
	}
	return d.header().id
}

// Size returns the volume's size in bytes.
func (d *Device) Size() int64 { return d.size.Load() }

// fail puts the volume into its error state: every later operation answers EIO.
func (d *Device) fail(err error) error {
	d.failMu.Lock()
	defer d.failMu.Unlock()
	if d.err == nil {
		d.err = fmt.Errorf("%w: volume: %w", ErrFailed, err)
		d.store.metrics.volumeFailures.Add(1)
	}
	return d.err
}

func (d *Device) failure() error {
	d.failMu.Lock()
	defer d.failMu.Unlock()
	return d.err
}

// usable says why the device takes no operation, or nil.
func (d *Device) usable() error {
	if d.closed.Load() {
		return ErrDetached
	}
	if err := d.failure(); err != nil {
		return err
	}
	return d.store.index.failure()
}

// check validates a range.
func (d *Device) check(off, n int64) error {
	if size := d.Size(); off < 0 || n < 0 || off > size || n > size-off {
		return fmt.Errorf("%w: range %d+%d of a volume of %d bytes", ErrInvalid, off, n, size)
	}
	return d.usable()
}

func (d *Device) shard(extent uint64) *shard { return &d.shards[extent%dirtyShards] }

// startSession begins a write session; no block is sealed under a session twice as long as the limit allows.
func (d *Device) startSession() error {
	o, err := d.sessions.begin(d.header())
	if err != nil {
		return err
	}
	d.session.left.Store(aead.MaxSessionBlocks)
	d.session.current.Store(o)
	return nil
}

// writeSession returns the session to seal n blocks under, starting the next one when the current is used up.
func (d *Device) writeSession(n int) (*openSession, error) {
	for d.session.left.Add(-int64(n)) < 0 {
		if err := d.nextSession(); err != nil {
			return nil, err
		}
	}
	return d.session.current.Load(), nil
}

func (d *Device) nextSession() error {
	d.session.Lock()
	defer d.session.Unlock()
	if d.session.left.Load() >= 0 {
		return nil // another writer has started it
	}
	return d.startSession()
}

func (d *Device) getScratch() *aead.Scratch   { return d.scratch.Get().(*aead.Scratch) }
func (d *Device) putScratch(sc *aead.Scratch) { d.scratch.Put(sc) }

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// backgroundTimeout bounds what a device does on its own behalf, such as a periodic round.
const backgroundTimeout = time.Minute
