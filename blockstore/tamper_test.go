package blockstore

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

var tamperCases = flag.Int("tamper.cases", defaultTamperCases, "random manipulations of a closed store; more than the default lifts the time limit")

const (
	defaultTamperCases = 1000
	tamperBlocks       = 48
)

// tampered is a cleanly closed store to manipulate, with older copies of it.
type tampered struct {
	t       *testing.T
	keys    *testKeys
	content map[string][]byte   // by volume and snapshot id: what blocks 0..tamperBlocks hold
	slots   map[string][]uint64 // by volume id
	now     *vfs.MemFS          // the closed store
	anchors map[string][]byte   // its anchors
	old     []*vfs.MemFS        // closed earlier
}

func copyFS(fs *vfs.MemFS) *vfs.MemFS {
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
}

func (x *tampered) open(fs FS, anchors map[string][]byte) (*Store, error) {
	return Open(Options{Dir: "/store", FS: fs, Keys: x.keys.fork(anchors), ZoneSlots: 64, Workers: -1, JournalBytes: 64 << 10})
}

// newTampered makes volumes a and b and a snapshot s of a with several lives of the
// store, so that the index has tables as well as logs.
func newTampered(t *testing.T) *tampered {
	x := &tampered{t: t, keys: newTestKeys(), now: vfs.NewCrashableMem(), content: map[string][]byte{}, slots: map[string][]uint64{}}
	for life := range 4 {
		s, err := Open(Options{Dir: "/store", FS: x.now, Keys: x.keys, ZoneSlots: 64, Workers: -1, JournalBytes: 64 << 10})
		require.NoError(t, err)
		for _, id := range []string{"a", "b"} {
			if life == 0 {
				_, err := s.CreateVolume(ctx, VolumeSpec{ID: id, Size: GiB, Key: "one"})
				require.NoError(t, err)
				x.content[id] = make([]byte, tamperBlocks*BlockSize)
			}
			d, err := s.Attach(ctx, id)
			require.NoError(t, err)
			for block := life; block < tamperBlocks; block += 1 + life {
				p := fill(BlockSize, uint64(life*1000+block)+uint64(id[0])<<20)
				copy(x.content[id][block*BlockSize:], p)
				_, err := d.WriteAt(p, int64(block)*BlockSize)
				require.NoError(t, err)
			}
			require.NoError(t, d.Detach(ctx))
		}
		if life == 2 {
			_, err := s.CreateSnapshot(ctx, SnapshotRequest{Volume: "a", ID: "s"})
			require.NoError(t, err)
			x.content["s"] = bytes.Clone(x.content["a"])
		}
		require.NoError(t, s.Close())
		x.old = append(x.old, copyFS(x.now))
	}
	x.anchors = x.keys.copyAnchors()
	s, err := x.open(copyFS(x.now), x.anchors)
	require.NoError(t, err)
	for _, id := range []string{"a", "b"} {
		d, err := s.Attach(ctx, id)
		require.NoError(t, err)
		for block := range uint64(tamperBlocks) {
			r, err := d.record(block / ExtentBlocks)
			require.NoError(t, err)
			x.slots[id] = append(x.slots[id], r.slots[block%ExtentBlocks])
		}
	}
	require.NoError(t, s.Close())
	return x
}

// files lists the store's files.
func files(t *testing.T, fs FS) []string {
	var out []string
	for _, dir := range []string{"/store", "/store/index", "/store/data"} {
		names, err := fs.List(dir)
		require.NoError(t, err)
		for _, n := range names {
			if info, err := fs.Stat(dir + "/" + n); err == nil && !info.IsDir() && n != "LOCK" {
				out = append(out, dir+"/"+n)
			}
		}
	}
	slices.Sort(out)
	return out
}

func contentOf(t *testing.T, fs FS, path string) []byte {
	b, err := readFile(fs, path, 1<<30)
	require.NoError(t, err)
	return b
}

// outcome is what a manipulated store answered.
type outcome struct {
	found  []error          // by open, attach, read or Verify
	bad    map[string][]int // blocks that could not be read, by view
	wrong  []string         // blocks that read as something else
	missed bool             // wrong content that Verify does not report either
}

// examine opens a manipulated store and reads everything.
func (x *tampered) examine(fs *vfs.MemFS) *outcome {
	o := &outcome{bad: map[string][]int{}}
	s, err := x.open(fs, x.anchors)
	if err != nil {
		o.found = append(o.found, err)
		return o
	}
	defer s.Close()
	o.found = append(o.found, s.Damage()...)
	for _, id := range []string{"a", "b", "s"} {
		var d interface {
			ReadAt([]byte, int64) (int, error)
		}
		if id == "s" {
			d, err = s.OpenSnapshot(ctx, id, nil)
		} else {
			d, err = s.Attach(ctx, id)
		}
		if err != nil {
			o.found = append(o.found, err)
			continue
		}
		for block := range tamperBlocks {
			p := make([]byte, BlockSize)
			_, err := d.ReadAt(p, int64(block)*BlockSize)
			if err != nil {
				require.Equal(x.t, make([]byte, BlockSize), p, "an error hands out bytes")
				o.found = append(o.found, err)
				o.bad[id] = append(o.bad[id], block)
			} else if !bytes.Equal(p, x.content[id][block*BlockSize:(block+1)*BlockSize]) {
				o.wrong = append(o.wrong, fmt.Sprintf("%s:%d", id, block))
			}
		}
	}
	r, err := s.Verify(ctx, VerifyOptions{})
	if err != nil {
		o.found = append(o.found, err)
		return o
	}
	for _, err := range r.Problems {
		o.found = append(o.found, err)
	}
	return o
}

// named says whether an error says where.
func named(err error) bool {
	var c *CorruptError
	var k *KeyError
	return errors.As(err, &k) || errors.Is(err, ErrWrongKey) || errors.As(err, &c) && c.Kind != "" || errors.Is(err, ErrFormat) || errors.Is(err, ErrRollback) || errors.Is(err, ErrNotFound) ||
		errors.Is(err, ErrReadOnly) || errors.Is(err, ErrFailed) || strings.Contains(err.Error(), "index")
}

func (x *tampered) overwrite(fs *vfs.MemFS, path string, data []byte) {
	require.NoError(x.t, writeFileSync(fs, path, data))
}

// manipulateFile does something random to one file and says what.
func (x *tampered) manipulateFile(r *rand.Rand, fs *vfs.MemFS) string {
	all := files(x.t, fs)
	path := all[r.IntN(len(all))]
	data := contentOf(x.t, fs, path)
	switch op := r.IntN(8); {
	case op < 4 && len(data) > 0:
		at := r.IntN(len(data))
		data[at] ^= byte(1 + r.IntN(255))
		x.overwrite(fs, path, data)
		return fmt.Sprintf("flip %s at %d", path, at)
	case op == 4:
		n := r.IntN(len(data) + 1)
		x.overwrite(fs, path, data[:n])
		return fmt.Sprintf("truncate %s to %d of %d", path, n, len(data))
	case op == 5:
		require.NoError(x.t, fs.Remove(path))
		return "delete " + path
	default:
		old := x.old[r.IntN(len(x.old)-1)]
		if _, err := old.Stat(path); err != nil {
			return ""
		}
		x.overwrite(fs, path, contentOf(x.t, old, path))
		return "restore " + path
	}
}

// TestTamperFiles manipulates one file of a closed store at random: no read returns a
// wrong byte. What changes what is read is found and named.
func TestTamperFiles(t *testing.T) {
	watch := watchdog(t)
	seed, over := testSeed(t), budget(*tamperCases <= defaultTamperCases)
	x := newTampered(t)
	require.Empty(t, x.examine(copyFS(x.now)).found)
	found, harmless := 0, map[string]int{}
	for i := 0; i < *tamperCases && !over(); i++ {
		watch.Reset(watchdogTime)
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		fs := copyFS(x.now)
		what := x.manipulateFile(r, fs)
		if what == "" {
			continue
		}
		o := x.examine(fs)
		require.Empty(t, o.wrong, "%s: wrong bytes", what)
		for _, err := range o.found {
			require.True(t, named(err), "%s: %v names no place", what, err)
		}
		if len(o.found) > 0 {
			found++
		} else {
			harmless[strings.Fields(what)[0]]++ // nothing that is read has changed
		}
	}
	t.Logf("%d found, without effect %v", found, harmless)
	require.NotZero(t, found)
}

// TestTamperSlots flips bytes of ciphertext and swaps slots: exactly the blocks in
// them fail, with their place, and all others stay readable.
func TestTamperSlots(t *testing.T) {
	seed, over := testSeed(t), budget(*tamperCases <= defaultTamperCases)
	x := newTampered(t)
	type place struct {
		id    string
		block int
	}
	for i := 0; i < *tamperCases/5 && !over(); i++ {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		fs := copyFS(x.now)
		places := []place{{[]string{"a", "b"}[r.IntN(2)], r.IntN(tamperBlocks)}}
		if r.IntN(2) == 0 {
			p := place{[]string{"a", "b"}[r.IntN(2)], r.IntN(tamperBlocks)}
			if p == places[0] {
				continue
			}
			places = append(places, p)
		}
		var ciphertexts [][]byte
		file := func(slot uint64) string { return zoneName("/store", int(slot/64)) }
		for _, p := range places {
			slot := x.slots[p.id][p.block]
			ciphertexts = append(ciphertexts, bytes.Clone(contentOf(t, fs, file(slot))[slot%64*BlockSize:][:BlockSize]))
		}
		slices.Reverse(ciphertexts) // two are swapped, one stays
		for k, p := range places {
			if len(places) == 1 {
				ciphertexts[k][r.IntN(BlockSize)] ^= byte(1 + r.IntN(255))
			}
			slot := x.slots[p.id][p.block]
			data := contentOf(t, fs, file(slot))
			copy(data[slot%64*BlockSize:], ciphertexts[k])
			x.overwrite(fs, file(slot), data)
		}
		o := x.examine(fs)
		require.Empty(t, o.wrong)
		for _, id := range []string{"a", "b"} {
			var want []int
			for _, p := range places {
				if p.id == id {
					want = append(want, p.block)
				}
			}
			slices.Sort(want)
			require.Equal(t, want, o.bad[id], "volume %s", id)
		}
		for _, err := range o.found {
			var c *CorruptError
			require.ErrorAs(t, err, &c)
			require.Equal(t, KindBlock, c.Kind)
			require.True(t, slices.ContainsFunc(places, func(p place) bool { return int64(p.block) == c.Block && int64(x.slots[p.id][p.block]) == c.Slot }), "%v", err)
		}
	}
}

// record is an entry of the index.
type indexEntry struct{ key, value []byte }

func (x *tampered) entries(fs FS) []indexEntry {
	ix, err := openIndex(fs, "/store/index", false, func(string) {})
	require.NoError(x.t, err)
	var out []indexEntry
	require.NoError(x.t, ix.scan([]byte{0}, []byte{0xff}, func(k, v []byte) (bool, error) {
		out = append(out, indexEntry{bytes.Clone(k), bytes.Clone(v)})
		return true, nil
	}))
	require.NoError(x.t, ix.close())
	return out
}

func (x *tampered) edit(fs FS, change func(b *batch)) {
	ix, err := openIndex(fs, "/store/index", false, func(string) {})
	require.NoError(x.t, err)
	b := ix.newBatch()
	change(b)
	require.NoError(x.t, ix.commit(b))
	require.NoError(x.t, ix.close())
}

// TestTamperRecords edits the index with its own library: flips, swaps, drops and
// replays of records. Reads find everything but a record that is missing or an earlier
// one whose slots still hold the old ciphertext, and Verify finds those.
func TestTamperRecords(t *testing.T) {
	seed, over := testSeed(t), budget(*tamperCases <= defaultTamperCases)
	x := newTampered(t)
	all := x.entries(copyFS(x.now))
	earlier := map[string][][]byte{}
	for _, fs := range x.old {
		for _, e := range x.entries(copyFS(fs)) {
			earlier[string(e.key)] = append(earlier[string(e.key)], e.value)
		}
	}
	unfound := map[byte]int{}
	cases := 0
	for ; cases < *tamperCases/2 && !over(); cases++ {
		r := rand.New(rand.NewPCG(seed, uint64(cases)))
		fs, e := copyFS(x.now), all[r.IntN(len(all))]
		what, whole := "", false
		x.edit(fs, func(b *batch) {
			switch r.IntN(4) {
			case 0:
				if len(e.value) == 0 {
					b.delete(e.key)
					what = "drop"
					return
				}
				v := bytes.Clone(e.value)
				v[r.IntN(len(v))] ^= byte(1 + r.IntN(255))
				b.set(e.key, v)
				what = "flip"
			case 1:
				o := all[r.IntN(len(all))]
				b.set(e.key, o.value)
				b.set(o.key, e.value)
				if !bytes.Equal(o.value, e.value) {
					what = "swap with " + fmt.Sprintf("%x", o.key)
				}
			case 2:
				b.delete(e.key)
				what, whole = "drop", true
			default:
				versions := earlier[string(e.key)]
				v := versions[r.IntN(len(versions))]
				b.set(e.key, v)
				what, whole = "replay", true
				if bytes.Equal(v, e.value) {
					what = ""
				}
			}
		})
		if what == "" {
			continue
		}
		o := x.examine(fs)
		what = fmt.Sprintf("%s %c %x", what, e.key[0], e.key)
		if len(o.wrong) > 0 {
			require.True(t, whole && e.key[0] == prefixExtent, "%s: wrong bytes in %v", what, o.wrong)
			require.NotEmpty(t, o.found, "%s: not even Verify finds it", what)
		}
		for _, err := range o.found {
			require.True(t, named(err), "%s: %v names no place", what, err)
		}
		if len(o.found) == 0 {
			unfound[e.key[0]]++
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(unfound)) {
		t.Logf("of %d cases, %d at %c had no effect on content", cases, unfound[kind], kind)
	}
	require.Zero(t, unfound[prefixVolume]+unfound[prefixExtent], "a changed record of content was not found")
}

// TestRollback is doc.go's list of what is found and what is not.
func TestRollback(t *testing.T) {
	x := newTampered(t)
	replace := func(fs, from *vfs.MemFS, prefix string) {
		for _, path := range files(t, fs) {
			if strings.HasPrefix(path, prefix) {
				require.NoError(t, fs.Remove(path))
			}
		}
		for _, path := range files(t, from) {
			if strings.HasPrefix(path, prefix) {
				x.overwrite(fs, path, contentOf(t, from, path))
			}
		}
	}
	t.Run("index older than the anchor", func(t *testing.T) {
		for _, old := range x.old[1:3] {
			fs := copyFS(x.now)
			replace(fs, old, "/store/index/")
			s, err := x.open(fs, x.anchors)
			require.NoError(t, err)
			for _, id := range []string{"a", "b"} {
				_, err := s.Attach(ctx, id)
				require.ErrorIs(t, err, ErrRollback)
			}
			require.NoError(t, s.Close())
		}
	})
	t.Run("everything and the anchors", func(t *testing.T) {
		s, err := x.open(copyFS(x.old[1]), map[string][]byte{})
		require.NoError(t, err)
		d, err := s.Attach(ctx, "a")
		require.NoError(t, err, "not found, as doc.go says")
		_, err = d.ReadAt(make([]byte, tamperBlocks*BlockSize), 0)
		require.NoError(t, err)
		require.NoError(t, s.Close())
	})
	t.Run("within one attachment, after its anchor", func(t *testing.T) {
		fs, keys := copyFS(x.now), x.keys.fork(x.anchors)
		s, err := Open(Options{Dir: "/store", FS: fs, Keys: keys, ZoneSlots: 64, Workers: -1, JournalBytes: 64 << 10})
		require.NoError(t, err)
		d, err := s.Attach(ctx, "a")
		require.NoError(t, err)
		early := fs.CrashClone(vfs.CrashCloneCfg{})
		_, err = d.WriteAt(fill(BlockSize, 99), 0)
		require.NoError(t, err)
		require.NoError(t, d.Flush(ctx))
		s, err = x.open(early, keys.copyAnchors())
		require.NoError(t, err)
		d, err = s.Attach(ctx, "a")
		require.NoError(t, err, "not found, as doc.go says")
		require.Equal(t, x.content["a"][:BlockSize], readAll(t, d, 0, BlockSize))
		require.NoError(t, s.Close())
	})
}
