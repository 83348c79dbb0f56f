package blockstore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/binfmt"
)

// Options of a store. Dir and Keys are required.
type Options struct {
	// Dir holds the store; Open creates it if it is empty or absent.
	Dir string
	// Keys makes and opens data keys. Without it the store opens read-only and only its structure can be checked.
	Keys Keyring
	// Anchors keeps freshness anchors; nil takes Keys if it is an AnchorStore, else none are kept.
	Anchors AnchorStore
	// ReadOnly refuses every change. A store that was not closed cleanly still replays its index's log in memory only.
	ReadOnly bool
	// MaxBytes limits the zone files together (thin pool); 0 is no limit. It is rounded down to whole zones.
	MaxBytes int64
	// ReserveBytes of the file system are kept for the index: below, writes answer ErrNoSpace. 0 is DefaultReserveBytes, negative none.
	ReserveBytes int64
	// CacheBytes bounds the cache of opened (plaintext) blocks of open volumes; 0 is DefaultCacheBytes, negative none.
	CacheBytes int64
	// JournalBytes is the size of a new store's journal; 0 is DefaultJournalBytes, negative: small
	// flushes are not journaled.
	JournalBytes int64
	// Scrub directs the background scrub; the zero value is none.
	Scrub ScrubOptions
	// Suite seals new volumes; 0 is aead.DefaultSuite().
	Suite aead.Suite
	// FS replaces the operating system's file system, for tests.
	FS FS
	// ZoneSlots is the size of new stores' zones, a multiple of 64; 0 is DefaultZoneSlots. For tests.
	ZoneSlots int
	// Workers is the number of goroutines that write blocks, negative: the caller does;
	// 0 is io_uring where the system has it, else a default number.
	Workers int
	// Clock and Rand are injected; nil takes time.Now and crypto/rand.
	Clock func() time.Time
	Rand  io.Reader

	seams seams
}

// DefaultReserveBytes is the space held back for the index's log and compactions.
const DefaultReserveBytes = 512 << 20

// DefaultCacheBytes is the size of the cache of opened blocks.
const DefaultCacheBytes = 128 << 20

// Store is an open store. It is safe for concurrent use.
type Store struct {
	dir      string
	keys     Keyring
	anchors  AnchorStore
	fs       FS
	injected bool
	readOnly bool
	damaged  atomic.Bool // the index or a record does not decode: no more changes
	spaceLow atomic.Bool // less than the reserve is left
	damageMu sync.Mutex
	damages  []error // guarded by damageMu
	clock    func() time.Time
	rand     io.Reader
	suite    aead.Suite
	reserve  int64
	lock     io.Closer
	seams    seams

	super    *superblock
	superKey *aead.MACKey
	wrap     *aead.WrappingKey // of plain volumes' data keys

	index   *index
	alloc   *allocator
	epochs  epochs
	landing *landing
	stager  stager
	journal *journal    // nil if there is none
	small   *bufferPool // one block
	large   *bufferPool // an extent
	reads   *bufferPool
	cache   *recordCache
	blocks  *blockCache
	metrics metrics
	scrub   *scrubber
	held    heldSlots

	sequence   atomic.Uint64 // last sequence taken
	reserved   atomic.Uint64 // sequences up to here may be taken
	reserveMu  sync.Mutex
	numbers    numbers
	growMu     sync.Mutex
	zonesMu    sync.RWMutex // guards zones
	zones      []*zone
	mu         sync.RWMutex // guards volumes, byID, snapshots, closed and every volume's header pointers
	volumes    map[uint32]*volume
	byID       map[string]*volume
	snapshots  map[string]*snapshotHeader
	closed     bool
	origins    origins
	background sync.WaitGroup
	stop       chan struct{}
}

// origins caches which volume a session belongs to.
type origins struct {
	mu      sync.Mutex
	volumes map[uint32]uint32
}

const (
	metaNumbers  = "numbers"
	metaSequence = "sequence"
	metaClean    = "clean"
	metaJournal  = "journal"
)

// ReservedKey is the Keyring's name for the key of the store itself and of plain volumes.
const ReservedKey = ""

// Open opens the store in o.Dir, creating it if there is none.
func Open(o Options) (*Store, error) {
	s, err := newStore(o)
	if err != nil {
		return nil, err
	}
	if !s.readOnly {
		for _, d := range []string{s.dir, filepath.Join(s.dir, "data")} {
			if err := makeDir(s.fs, d); err != nil {
				return nil, fmt.Errorf("blockstore: %w", err)
			}
		}
		if s.lock, err = lockDirectory(s.fs, filepath.Join(s.dir, "LOCK")); err != nil {
			return nil, err
		}
	}
	if err := s.open(o); err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

// makeDir makes a directory and its missing parents, each durable in its own parent.
func makeDir(fsys FS, dir string) error {
	if _, err := fsys.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(fsys, parent)
}

func newStore(o Options) (*Store, error) {
	s := &Store{dir: o.Dir, keys: o.Keys, anchors: o.Anchors, fs: o.FS, injected: o.FS != nil,
		readOnly: o.ReadOnly || o.Keys == nil, clock: o.Clock, rand: o.Rand, suite: o.Suite, reserve: o.ReserveBytes, seams: o.seams,
		volumes: map[uint32]*volume{}, byID: map[string]*volume{}, snapshots: map[string]*snapshotHeader{},
		cache: newRecordCache(), stop: make(chan struct{})}
	if s.fs == nil {
		s.fs = defaultFS()
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	if s.suite == 0 {
		s.suite = aead.DefaultSuite()
	}
	if s.reserve == 0 {
		s.reserve = DefaultReserveBytes
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	s.blocks = newBlockCache(o.CacheBytes)
	if a, ok := o.Keys.(AnchorStore); ok && s.anchors == nil {
		s.anchors = a
	}
	if o.ZoneSlots < 0 || o.ZoneSlots%64 != 0 || o.ZoneSlots > DefaultZoneSlots {
		return nil, fmt.Errorf("%w: zone of %d slots", ErrInvalid, o.ZoneSlots)
	}
	s.small = newBufferPool(BlockSize, maxStagedBytes)
	s.large = newBufferPool(ExtentSize, maxStagedBytes)
	s.reads = newBufferPool(readRunBlocks*BlockSize, maxStagedBytes/2)
	return s, nil
}

func (s *Store) open(o Options) error {
	supers, err := readSuper(s.fs, s.dir)
	switch {
	case (errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoSuper)) && !s.readOnly:
		// The second: a crash while the first superblock was written. create refuses if there is any data.
		if err := s.create(o); err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s holds no store", ErrFormat, s.dir)
	case err != nil:
		return err
	default:
		if err := s.unlock(supers); err != nil {
			return err
		}
	}
	if err := s.checkIndexExists(); err != nil {
		return err
	}
	s.index, err = openIndex(s.fs, filepath.Join(s.dir, "index"), s.readOnly, func(path string) {
		s.damaged.Store(true)
	})
	if err != nil {
		return err
	}
	s.alloc = newAllocator(s.super.zoneSlots, uint64(max(o.MaxBytes, 0))/BlockSize)
	s.scrub = newScrubber(s, o.Scrub)
	s.epochs.reuse = s.reuse
	s.landing = newLanding(s.epochs.release)
	if err := s.openJournal(o.JournalBytes); err != nil {
		return err
	}
	entries, err := s.replayJournal()
	if err != nil {
		return err
	}
	if err := s.recover(); err != nil {
		return err
	}
	if err := s.rewriteSlots(entries); err != nil {
		return err
	}
	s.stager = s.newStager(o.Workers)
	s.small.progress, s.large.progress = s.stager.progress, s.stager.progress
	if s.writable() != nil {
		return nil
	}
	// A new write count, so that a bitmap checkpoint of an earlier life never matches again.
	if err := s.writeSuper(); err != nil {
		return err
	}
	return s.resume()
}

// create makes a new store: a random id, and a store key under the reserved key.
func (s *Store) create(o Options) error {
	s.super = &superblock{zoneSlots: uint64(o.ZoneSlots)}
	if s.super.zoneSlots == 0 {
		s.super.zoneSlots = DefaultZoneSlots
	}
	if _, err := io.ReadFull(s.rand, s.super.store[:]); err != nil {
		return fmt.Errorf("blockstore: draw store id: %w", err)
	}
	if empty, err := s.isEmpty(); err != nil || !empty {
		return errors.Join(err, fmt.Errorf("%w: %s holds data but no superblock", ErrFormat, s.dir))
	}
	dek, wrapped, _, err := s.keys.NewDataKey(context.Background(), ReservedKey, s.storeContext())
	if err != nil {
		return &KeyError{ID: "store", Err: err}
	}
	defer dek.Destroy()
	s.super.storeKey = wrapped
	if err := s.deriveStoreKeys(dek); err != nil {
		return err
	}
	return s.writeSuper() // write count 1: the index may not exist yet
}

// checkIndexExists refuses a store whose index has vanished: Pebble would make an empty one.
func (s *Store) checkIndexExists() error {
	if s.super.writeCount <= 1 {
		return nil
	}
	names, err := s.fs.List(filepath.Join(s.dir, "index"))
	if err != nil || len(names) == 0 {
		return corrupt(KindIndex, "", "the index is missing")
	}
	return nil
}

// isEmpty says whether the directory has no index and no zones: a lost superblock is not an invitation to start over.
func (s *Store) isEmpty() (bool, error) {
	for _, d := range []string{"index", "data"} {
		names, err := s.fs.List(filepath.Join(s.dir, d))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if len(names) > 0 {
			return false, nil
		}
	}
	return true, nil
}

func (s *Store) storeContext() map[string]string {
	return map[string]string{"coffer:store": fmt.Sprintf("%x", s.super.store[:])}
}

// unlock takes the newest superblock that authenticates under the store key it names.
func (s *Store) unlock(supers []*superblock) error {
	s.super = supers[0]
	if s.keys == nil {
		return nil
	}
	var first error
	for _, sb := range supers {
		s.super = sb
		dek, err := s.keys.Unwrap(context.Background(), sb.storeKey, s.storeContext())
		if err != nil {
			err = &KeyError{ID: "store", Err: err}
		} else {
			err = s.deriveStoreKeys(dek)
			dek.Destroy()
			if err == nil && s.superKey.VerifyTag(sb.body, sb.mac[:]) {
				return nil
			}
			if err == nil {
				err = corrupt(KindSuperblock, "", "MAC")
			}
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (s *Store) deriveStoreKeys(dek *aead.DataKey) error {
	mac := aead.DeriveSecret(dek.Secret(), aead.LabelSuperblock)
	defer mac.Destroy()
	s.superKey = aead.MACKeyFromSecret(mac)
	wrap := aead.DeriveSecret(dek.Secret(), aead.LabelStoreWrap)
	defer wrap.Destroy()
	var err error
	s.wrap, err = aead.NewWrappingKey(aead.WrapHeader{KeyID: s.super.store}, wrap)
	return err
}

// numberKind is a kind of number that the index counts.
type numberKind int

const (
	numberVolume numberKind = iota
	numberDEK
	numberSession
	numberKinds
)

// numberStep is how many numbers of a kind one synced reservation covers.
const numberStep = 16

// numbers hands out the numbers of volumes, data keys and sessions, none of them ever
// twice: what M keeps is a high-water, durable before a number below it is used.
type numbers struct {
	mu             sync.Mutex
	last, reserved [numberKinds]uint32
}

// nextNumber takes a number.
func (s *Store) nextNumber(kind numberKind) (uint32, error) {
	n := &s.numbers
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last[kind] >= math.MaxUint32-numberStep {
		return 0, fmt.Errorf("%w: numbers of a kind are used up", ErrLimit)
	}
	if n.last[kind] == n.reserved[kind] {
		next := n.reserved
		next[kind] += numberStep
		var v []byte
		for _, r := range next {
			v = binary.BigEndian.AppendUint32(v, r)
		}
		b := s.index.newBatch()
		b.set(metaKey(metaNumbers), v)
		if err := s.index.commit(b); err != nil {
			return 0, err
		}
		n.reserved = next
	}
	n.last[kind]++
	return n.last[kind], nil
}

func (s *Store) loadNumbers() error {
	v, err := s.index.get(metaKey(metaNumbers))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r := binfmt.NewReader(v)
	for kind := range s.numbers.reserved {
		s.numbers.reserved[kind] = r.U32()
	}
	s.numbers.last = s.numbers.reserved
	return r.Finish()
}

// takeSequences returns the first of n new sequences. Sequences only rise while the
// store runs: the first leg of nonce uniqueness.
func (s *Store) takeSequences(n int) (uint64, error) {
	last := s.sequence.Add(uint64(n))
	if last > s.reserved.Load() {
		if err := s.reserveSequences(last); err != nil {
			return 0, err
		}
	}
	return last - uint64(n) + 1, nil
}

// reserveSequences makes a high-water above last durable, so that a later open starts
// above every sequence of this one. It serves the birth order, not the nonce.
func (s *Store) reserveSequences(last uint64) error {
	s.reserveMu.Lock()
	defer s.reserveMu.Unlock()
	if last <= s.reserved.Load() {
		return nil
	}
	high := last + sequenceStep
	b := s.index.newBatch()
	b.set(metaKey(metaSequence), binary.BigEndian.AppendUint64(nil, high))
	if err := s.index.commit(b); err != nil {
		return err
	}
	s.reserved.Store(high)
	return nil
}

// zone returns the zone that holds a slot.
func (s *Store) zone(slot uint64) *zone {
	s.zonesMu.RLock()
	defer s.zonesMu.RUnlock()
	n := slot / s.super.zoneSlots
	if n >= uint64(len(s.zones)) {
		return nil
	}
	return s.zones[n]
}

// slotOffset is a slot's byte offset in its zone file.
func (s *Store) slotOffset(slot uint64) int64 { return int64(slot%s.super.zoneSlots) * BlockSize }

// grow adds a zone unless another caller just did (seen = zones known to the caller).
func (s *Store) grow(seen int) error {
	s.growMu.Lock()
	defer s.growMu.Unlock()
	if s.alloc.zones() != seen {
		return nil
	}
	if !s.alloc.mayGrow() {
		return fmt.Errorf("%w: the pool limit of %d bytes is reached", ErrNoSpace, s.alloc.maxSlots*BlockSize)
	}
	size := int64(s.super.zoneSlots) * BlockSize
	if s.reserve > 0 && !s.injected {
		free, err := freeBytes(s.fs, s.dir)
		if err == nil && free < uint64(s.reserve+size) {
			return fmt.Errorf("%w: a new zone would leave less than the reserve of %d bytes", ErrNoSpace, s.reserve)
		}
	}
	z, err := s.createZone(seen, size)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	s.zonesMu.Lock()
	s.zones = append(s.zones, z)
	s.zonesMu.Unlock()
	s.alloc.addZone()
	return nil
}

// allocate takes n slots for one window, growing the pool as needed.
func (s *Store) allocate(dst []uint64, h hint, n int) ([]uint64, hint, error) {
	if s.spaceLow.Load() {
		return dst, h, fmt.Errorf("%w: less than the reserve of %d bytes is left", ErrNoSpace, s.reserve)
	}
	for spare := true; ; {
		seen := s.alloc.zones()
		out, next, ok := s.alloc.alloc(dst, h, n, spare)
		if ok {
			return out, next, nil
		}
		if err := s.grow(seen); err != nil {
			if !spare {
				return dst, h, err
			}
			spare = false // what is free must do
		}
	}
}

// writable says why the store takes no changes, or nil.
func (s *Store) writable() error {
	if s.readOnly || s.damaged.Load() {
		return ErrReadOnly
	}
	return s.index.failure()
}

// Close flushes and closes every device, writes the allocator's checkpoint and closes the store.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.stop)
	s.mu.Unlock()
	s.background.Wait()
	s.mu.RLock()
	var devices []*Device
	for _, v := range s.volumes {
		if v.device != nil {
			devices = append(devices, v.device)
		}
	}
	s.mu.RUnlock()
	var errs []error
	for _, d := range devices {
		errs = append(errs, d.shutdown(context.Background()))
	}
	if s.stager != nil {
		s.stager.close() // writes whose blocks were given up still hold their slots
	}
	if s.writable() == nil && errors.Join(errs...) == nil {
		if err := s.journal.settle(); err != nil {
			errs = append(errs, err)
		} else {
			errs = append(errs, s.checkpoint())
		}
	}
	errs = append(errs, s.abandon())
	return errors.Join(errs...)
}

// abandon releases files and memory without writing anything.
func (s *Store) abandon() error {
	var errs []error
	if s.stager != nil {
		s.stager.close()
	}
	for _, z := range s.zones {
		errs = append(errs, z.file.Close())
	}
	errs = append(errs, s.journal.release())
	if s.index != nil {
		errs = append(errs, s.index.close())
	}
	for _, p := range []*bufferPool{s.small, s.large, s.reads} {
		p.close()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
