package blockstore

import (
	"sync"
	"sync/atomic"

	"coffer.example/aead"
)

// sealedBlock is a block that is sealed but not yet in the index.
type sealedBlock struct {
	slot     uint64
	sequence uint64
	session  uint32
	tag      [aead.TagSize]byte
	write    *stagedWrite
	index    int // of the block in write
}

// dirtyExtent is what a dirty set says of one extent. Bits of present have a sealed
// block, bits of zero are trimmed; others say nothing.
type dirtyExtent struct {
	present uint16
	zero    uint16
	blocks  [ExtentBlocks]*sealedBlock
}

// dirtySet is what a volume has written since its last round: the active one takes
// writes, the frozen one is being committed.
type dirtySet struct {
	owner   *Device
	number  uint64       // from 1
	pending atomic.Int64 // device writes under way; see stager
	touched atomic.Bool  // something has been entered

	mu  sync.Mutex // guards err
	err error      // first failed device write
}

// touch notes that something is about to be entered.
func (d *dirtySet) touch() {
	if !d.touched.Load() {
		d.touched.Store(true)
	}
}

func (d *dirtySet) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
	}
}

func (d *dirtySet) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

const dirtyShards = 64

// shard is a stripe of a volume's dirty extents. Its lock orders the requests to an
// extent: two writes take effect in the order they took it.
type shard struct {
	mu     sync.Mutex // guards the maps and the dirtyExtents in active
	active map[uint64]*dirtyExtent
	frozen map[uint64]*dirtyExtent // immutable until its round is committed
	spare  map[uint64]*dirtyExtent // empty, the next active
}

// blockState is what a block currently is: its version for conditional writes.
type blockState struct {
	present  bool
	zero     bool // a recorded hole, which masks a parent
	slot     uint64
	sequence uint64
}

// dirtyState returns what the dirty maps say of a block, and whether they say anything.
func (sh *shard) dirtyState(extent uint64, i int) (*sealedBlock, blockState, bool) {
	for _, m := range [2]map[uint64]*dirtyExtent{sh.active, sh.frozen} {
		e := m[extent]
		if e == nil {
			continue
		}
		if e.present>>i&1 == 1 {
			b := e.blocks[i]
			return b, blockState{present: true, slot: b.slot, sequence: b.sequence}, true
		}
		if e.zero>>i&1 == 1 {
			return nil, blockState{zero: true}, true
		}
	}
	return nil, blockState{}, false
}

// put enters a sealed block and returns the block of the active map that it replaces,
// whose slot was never committed. A block of the frozen map counts as committed.
func (sh *shard) put(extent uint64, i int, b *sealedBlock) (replaced *sealedBlock) {
	e := sh.extent(extent)
	replaced = e.blocks[i]
	e.blocks[i] = b
	e.present |= 1 << i
	e.zero &^= 1 << i
	return replaced
}

// trim makes a block a hole and returns the active block that it replaces.
func (sh *shard) trim(extent uint64, i int) (replaced *sealedBlock) {
	e := sh.extent(extent)
	replaced = e.blocks[i]
	e.blocks[i] = nil
	e.present &^= 1 << i
	e.zero |= 1 << i
	return replaced
}

func (sh *shard) extent(n uint64) *dirtyExtent {
	e := sh.active[n]
	if e == nil {
		e = new(dirtyExtent)
		sh.active[n] = e
	}
	return e
}
