package blockstore

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// failing is a store over a faultFS, with attached volumes.
type failing struct {
	*history
	faults  *faultFS
	devices map[string]*Device
	opts    Options
}

// newFailing has no journal: every flush syncs zones and index.
func newFailing(t *testing.T, volumes ...string) *failing {
	return newFailingJournal(t, -1, volumes...)
}

func newFailingJournal(t *testing.T, journal int64, volumes ...string) *failing {
	watchdog(t)
	f := &failing{history: &history{t: t, fs: vfs.NewCrashableMem(), keys: newTestKeys()}, devices: map[string]*Device{}}
	f.faults = newFaultFS(f.fs)
	f.opts = Options{Dir: "/store", FS: f.faults, Keys: f.keys, ZoneSlots: 64, JournalBytes: journal, seams: testSeams()}
	f.reopen()
	for _, id := range volumes {
		_, err := f.s.CreateVolume(ctx, VolumeSpec{ID: id, Size: GiB, Key: "one"})
		require.NoError(t, err)
		f.attach(id)
	}
	return f
}

func (f *failing) reopen() {
	var err error
	f.s, err = Open(f.opts)
	require.NoError(f.t, err)
	require.Empty(f.t, f.s.Damage())
}

func (f *failing) attach(id string) {
	d, err := f.s.Attach(ctx, id)
	require.NoError(f.t, err)
	f.devices[id] = d
}

// fault makes an operation fail wherever the condition holds.
func (f *failing) fault(cond func(name fsOp, path string) bool) {
	f.faults.setOp(func(_ int, name fsOp, path string, done bool) error {
		if !done && cond(name, path) {
			return errInjected
		}
		return nil
	})
}

func (f *failing) write(id string, block int64, seed uint64) error {
	_, err := f.devices[id].WriteAt(fill(BlockSize, seed), block*BlockSize)
	return err
}

func (f *failing) put(id string, block int64, seed uint64) {
	require.NoError(f.t, f.write(id, block, seed))
	require.NoError(f.t, f.devices[id].Flush(ctx))
}

func (f *failing) expect(id string, block int64, seed uint64) {
	f.t.Helper()
	require.Equal(f.t, fill(BlockSize, seed), readAll(f.t, f.devices[id], block*BlockSize, BlockSize))
}

// crash opens what a power cut now would leave.
func (f *failing) crash() {
	image := f.fs.CrashClone(vfs.CrashCloneCfg{})
	_ = f.s.Close()
	f.fs, f.faults = image, newFaultFS(image)
	f.opts.FS = f.faults
	f.reopen()
	for id := range f.devices {
		f.attach(id)
	}
}

// sound checks allocator and content of the store as it stands.
func (f *failing) sound() {
	f.t.Helper()
	f.settle()
	r, err := f.s.Verify(ctx, VerifyOptions{})
	require.NoError(f.t, err)
	require.True(f.t, r.Clean(), "%v", r.Problems)
}

// A failed device write fails its volume and no other; it works again when it is next
// opened, from what was durable, and its slots come back.
func TestFailedZoneWrite(t *testing.T) {
	f := newFailing(t, "a", "b")
	f.put("a", 0, 1)
	f.put("b", 0, 2)
	f.fault(func(name fsOp, path string) bool { return name == opWrite && isZone(path) })
	require.NoError(t, f.write("a", 0, 3), "acknowledged before the device write: the flush tells")
	require.ErrorIs(t, f.devices["a"].Flush(ctx), ErrFailed)
	f.faults.setOp(nil)
	_, err := f.devices["a"].ReadAt(make([]byte, BlockSize), 0)
	require.ErrorIs(t, err, ErrFailed)
	require.ErrorIs(t, f.write("a", 0, 4), ErrFailed)
	v, err := f.s.Volume("a")
	require.NoError(t, err)
	require.ErrorIs(t, v.Err, ErrFailed)
	f.put("b", 0, 5)
	require.EqualValues(t, 1, f.s.Metrics().VolumeFailures)

	require.ErrorIs(t, f.devices["a"].Detach(ctx), ErrFailed)
	f.attach("a")
	f.expect("a", 0, 1)
	f.expect("b", 0, 5)
	f.put("a", 0, 6)
	f.sound()
	require.NoError(t, f.s.Close())
	f.reopen()
	f.attach("a")
	f.expect("a", 0, 6)
	f.sound()
}

// A failed sync fails the zone and every volume with unsynced blocks in it: the error
// was theirs too. Volumes without go on, elsewhere.
func TestFailedSyncOfSharedZone(t *testing.T) {
	f := newFailing(t, "a", "b", "c")
	for i, id := range []string{"a", "b", "c"} {
		f.put(id, 0, uint64(i))
	}
	require.Equal(t, 1, f.s.alloc.zones(), "they share a zone")
	require.NoError(t, f.write("a", 0, 10))
	require.NoError(t, f.write("b", 0, 11))
	f.fault(func(name fsOp, path string) bool { return name == opSync && isZone(path) })
	require.ErrorIs(t, f.devices["a"].Flush(ctx), ErrFailed)
	f.faults.setOp(nil)
	require.ErrorIs(t, f.devices["b"].Flush(ctx), ErrFailed, "its blocks were in the same zone")
	f.put("c", 0, 12)
	require.Equal(t, 2, f.s.alloc.zones(), "the failed zone takes no more")
	require.EqualValues(t, 1, f.s.Metrics().ZoneFailures)
	for _, id := range []string{"a", "b"} {
		require.ErrorIs(t, f.devices[id].Detach(ctx), ErrFailed)
		f.attach(id)
	}
	f.expect("a", 0, 0)
	f.expect("b", 0, 1)
	f.put("a", 0, 20)
	f.crash()
	f.expect("a", 0, 20)
	f.expect("b", 0, 1)
	f.expect("c", 0, 12)
	f.sound()
}

// However Pebble's files fail, the store fails as a whole, at once and for good; the
// process lives, nobody waits, and no acknowledged flush is lost.
func TestFailedIndexCommit(t *testing.T) {
	faults := map[string]func(name fsOp, path string) bool{
		"log write":  func(name fsOp, path string) bool { return name == opWrite && strings.HasSuffix(path, ".log") },
		"log sync":   func(name fsOp, path string) bool { return name == opSync && strings.HasSuffix(path, ".log") },
		"everything": func(name fsOp, path string) bool { return name != opRead && strings.Contains(path, "/index") },
	}
	for name, fault := range faults {
		for journal, suffix := range map[int64]string{-1: "", 256 << 10: ", journaled"} {
			t.Run(name+suffix, func(t *testing.T) { failIndexCommit(t, newFailingJournal(t, journal, "a", "b"), fault) })
		}
	}
}

func failIndexCommit(t *testing.T, f *failing, fault func(name fsOp, path string) bool) {
	f.put("a", 0, 1)
	f.put("b", 0, 2)
	f.fault(fault)
	var wg sync.WaitGroup
	var flushed sync.Map
	for _, id := range []string{"a", "b", "a", "b"} {
		wg.Go(func() {
			_ = f.write(id, 1, 3)
			if err := f.devices[id].Flush(ctx); err == nil {
				flushed.Store(id, true) // the journal has it
			} else if !errors.Is(err, ErrFailed) {
				t.Errorf("flush: %v", err)
			}
		})
	}
	wg.Wait()
	if f.s.journal != nil {
		require.ErrorIs(t, f.s.index.sync(), ErrFailed) // at the latest
	}
	require.True(t, f.s.Metrics().Failed)
	for _, id := range []string{"a", "b"} {
		require.ErrorIs(t, f.write(id, 0, 4), ErrFailed)
		_, err := f.devices[id].ReadAt(make([]byte, BlockSize), 0)
		require.ErrorIs(t, err, ErrFailed)
		require.Error(t, f.devices[id].Detach(ctx))
	}
	_, err := f.s.CreateVolume(ctx, VolumeSpec{Size: GiB})
	require.ErrorIs(t, err, ErrFailed)
	require.ErrorIs(t, f.s.DeleteVolume(ctx, "a"), ErrFailed)
	f.crash()
	f.expect("a", 0, 1)
	f.expect("b", 0, 2)
	flushed.Range(func(id, _ any) bool {
		f.expect(id.(string), 1, 3)
		return true
	})
	f.sound()
}

// The manifest changes in Pebble's own goroutines. Its failure may be retried or fail
// the store, but takes neither the process nor acknowledged data.
func TestFailedManifest(t *testing.T) {
	for _, kind := range []fsOp{opWrite, opSync, opCreate} {
		t.Run(string(kind), func(t *testing.T) {
			f := newFailing(t, "a")
			f.put("a", 0, 1)
			f.fault(func(name fsOp, path string) bool {
				return name == kind && (strings.Contains(path, "MANIFEST") || strings.HasSuffix(path, "index"))
			})
			done := make(chan struct{})
			go func() { // not index.run: Flush may never return once Pebble has given up
				defer close(done)
				_ = f.s.index.run(f.s.index.db.Flush)
			}()
			select {
			case <-done:
			case <-time.After(2 * time.Second):
			}
			if f.write("a", 0, 2) == nil && f.devices["a"].Flush(ctx) == nil {
				f.crash()
				f.expect("a", 0, 2)
			} else {
				f.crash()
				f.expect("a", 0, 1)
			}
			f.sound()
		})
	}
}

// A full pool refuses a write before it is acknowledged; what is there stays usable,
// and space that is given back is used again.
func TestPoolIsFull(t *testing.T) {
	f := newFailing(t, "a")
	require.NoError(t, f.devices["a"].Detach(ctx))
	require.NoError(t, f.s.Close())
	f.opts.MaxBytes = 2 * 64 * BlockSize
	f.reopen()
	f.attach("a")
	full := int64(-1)
	for block := range int64(200) {
		err := f.write("a", block, uint64(block))
		if err != nil {
			require.ErrorIs(t, err, ErrNoSpace)
			full = block
			break
		}
	}
	require.EqualValues(t, 128, full)
	_, err := f.devices["a"].WriteAt(make([]byte, 200*BlockSize), 0)
	require.ErrorIs(t, err, ErrNoSpace)
	require.NoError(t, f.devices["a"].Flush(ctx))
	for block := range full {
		f.expect("a", block, uint64(block))
	}
	require.NoError(t, f.devices["a"].Trim(ctx, 0, 8*BlockSize))
	require.NoError(t, f.devices["a"].Flush(ctx))
	f.put("a", 300, 7)
	f.put("a", 20, 8)
	f.crash()
	f.expect("a", 300, 7)
	f.expect("a", 20, 8)
	f.expect("a", 127, 127)
	f.sound()
}

// A zone that cannot be made is no space, not a failure.
func TestZoneCannotBeMade(t *testing.T) {
	f := newFailing(t, "a")
	f.put("a", 0, 1)
	f.fault(func(name fsOp, path string) bool { return isZone(path) && strings.HasSuffix(path, "00000001.dat") })
	var err error
	for block := int64(1); err == nil && block < 100; block++ {
		err = f.write("a", block, 2)
	}
	require.ErrorIs(t, err, ErrNoSpace)
	require.NoError(t, f.devices["a"].Flush(ctx))
	f.faults.setOp(nil)
	f.put("a", 90, 3)
	f.crash()
	f.expect("a", 0, 1)
	f.expect("a", 90, 3)
	f.sound()
}

// Corruption found by a read answers that read with its place; everything else goes on.
func TestCorruptBlock(t *testing.T) {
	f := newFailing(t, "a", "b")
	require.NoError(t, f.write("a", 5, 1))
	f.put("a", 6, 2)
	f.put("b", 5, 3)
	r, err := f.devices["a"].record(0)
	require.NoError(t, err)
	file, err := f.fs.OpenReadWrite(zoneName("/store", 0), vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte{^byte(0)}, int64(r.slots[5])*BlockSize+77)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	p := slices.Repeat([]byte{9}, 2*BlockSize)
	_, err = f.devices["a"].ReadAt(p, 5*BlockSize)
	var c *CorruptError
	require.ErrorAs(t, err, &c)
	require.Equal(t, CorruptError{Kind: KindBlock, Volume: "a", Block: 5, Slot: int64(r.slots[5]), Detail: "tag"}, *c)
	require.Equal(t, make([]byte, 2*BlockSize), p, "nothing of the request is handed out")
	require.ErrorIs(t, err, ErrCorrupt)
	require.NotZero(t, f.s.Metrics().AuthFailures)
	f.expect("a", 6, 2)
	f.expect("b", 5, 3)
	report, err := f.s.Verify(ctx, VerifyOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{KindBlock: 1}, report.Counts)
	_, err = f.devices["a"].WriteAt(fill(100, 1), 5*BlockSize)
	require.ErrorIs(t, err, ErrCorrupt, "a part cannot be written into it")
	f.put("a", 5, 4)
	f.expect("a", 5, 4)
	f.sound()
}
