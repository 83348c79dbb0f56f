package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.example/aead"
	"github.com/stretchr/testify/require"
)

// memAnchor is an AnchorStore in memory.
type memAnchor struct {
	mu    sync.Mutex
	value []byte
	err   error
}

func (a *memAnchor) Load(context.Context) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return bytes.Clone(a.value), nil
}

func (a *memAnchor) Save(_ context.Context, v []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.value = bytes.Clone(v)
	}
	return a.err
}

func testKey(t testing.TB) *aead.MACKey {
	t.Helper()
	return aead.MACKeyFromSecret(aead.NewSecret(bytes.Repeat([]byte{7}, 32)))
}

func event(i int) []byte {
	return fmt.Appendf(nil, `{"eventName":"Decrypt","requestID":"r-%06d","n":%d}`, i, i)
}

func open(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(context.Background(), o)
	require.NoError(t, err)
	return l
}

func record(t testing.TB, l *Log, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		require.NoError(t, l.Record(context.Background(), event(i)))
	}
}

// events returns the requestIDs of the events in a directory.
func events(t testing.TB, fs FS, dir string) (ids []string) {
	t.Helper()
	require.NoError(t, Scan(context.Background(), ScanOptions{Dir: dir, FS: fs}, func(line []byte) error {
		var e struct{ RequestID string }
		require.NoError(t, json.Unmarshal(line, &e))
		ids = append(ids, e.RequestID)
		return nil
	}))
	return ids
}

func TestRecordReopenVerify(t *testing.T) {
	dir, anchor := filepath.Join(t.TempDir(), "audit"), &memAnchor{}
	o := Options{Dir: dir, Key: testKey(t), Anchor: anchor}
	for run := range 3 {
		l := open(t, o)
		record(t, l, 10*run, 10*run+10)
		r, err := l.Verify(context.Background())
		require.NoError(t, err)
		require.Equal(t, 1+10*(run+1), r.Records)
		require.NoError(t, l.Close())
		require.ErrorIs(t, l.Close(), ErrClosed)
		require.ErrorIs(t, l.Record(context.Background(), event(0)), ErrClosed)
	}
	require.Len(t, events(t, OS{}, dir), 30)
	r, err := Verify(context.Background(), VerifyOptions{Dir: dir, Key: testKey(t), Anchor: anchor.value})
	require.NoError(t, err)
	require.Equal(t, Report{Files: 1, Records: 31, FirstFile: 1, FirstSeq: 1, LastSeq: 31}, r)
	info, err := os.Stat(filepath.Join(dir, fileName(1)))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	r, err = Verify(context.Background(), VerifyOptions{Dir: dir})
	require.NoError(t, err)
	require.True(t, r.Unchecked)
	_, err = Verify(context.Background(), VerifyOptions{Dir: dir, Key: aead.MACKeyFromSecret(aead.NewSecret(make([]byte, 32)))})
	require.ErrorIs(t, err, ErrBroken, "another key")
}

// TestFormat pins the bytes of the format.
func TestFormat(t *testing.T) {
	fs, anchor := newMemFS(), &memAnchor{}
	l := open(t, Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs})
	record(t, l, 1, 3)
	require.NoError(t, l.Close())
	golden := filepath.Join("testdata", "format1.jsonl")
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(fs.files["/a/"+fileName(1)].data))
	require.Len(t, anchor.value, anchorSize)
}

func TestBadEvents(t *testing.T) {
	fs := newMemFS()
	l := open(t, Options{Dir: "/a", Key: testKey(t), Anchor: &memAnchor{}, FS: fs})
	defer l.Close()
	for _, bad := range []string{"", "{}", "{     }", "[1,2,3,4]", `{"a":1`, `"a":1}`, "{\"a\":\n1}", "{\"a\":\r1}", `{"cofferAudit":{"dropped":1}}`,
		`{"a":"` + strings.Repeat("x", MaxEventBytes) + `"}`} {
		require.ErrorIs(t, l.Record(context.Background(), []byte(bad)), ErrEvent, "%.20s", bad)
	}
	require.Equal(t, uint64(1), l.Stats().Records)
	big := `{"a":"` + strings.Repeat("x", MaxEventBytes-8) + `"}`
	require.Len(t, big, MaxEventBytes)
	require.NoError(t, l.Record(context.Background(), []byte(big)))
	_, err := l.Verify(context.Background())
	require.NoError(t, err, "the largest event can be read back")
}

func TestRotation(t *testing.T) {
	fs, anchor := newMemFS(), &memAnchor{}
	o := Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs, MaxFileBytes: 1000, MaxFiles: 8}
	l := open(t, o)
	i := 0
	var err error
	for ; err == nil; i++ {
		err = l.Record(context.Background(), event(i))
	}
	require.ErrorIs(t, err, ErrFull)
	require.Equal(t, 8, l.Stats().Files)
	delete(fs.files, "/a/"+fileName(1)) // the operator moves the oldest file away
	require.NoError(t, l.Record(context.Background(), event(i)))
	require.NoError(t, l.Close())
	for n := uint64(2); n <= 9; n++ {
		require.LessOrEqual(t, len(fs.files["/a/"+fileName(n)].data), 1000)
	}
	r, err := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: testKey(t), Anchor: anchor.value})
	require.NoError(t, err)
	require.Equal(t, uint64(2), r.FirstFile)
	require.Greater(t, r.FirstSeq, uint64(1))
	l = open(t, o)
	require.NoError(t, l.Close())
}

// TestTamper changes the log in every way that leaves lines, and wants the place named.
func TestTamper(t *testing.T) {
	build := func() (*memFS, *memAnchor) {
		fs, anchor := newMemFS(), &memAnchor{}
		l := open(t, Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs, MaxFileBytes: 1500})
		record(t, l, 0, 30)
		require.NoError(t, l.Close())
		require.Greater(t, len(fs.files), 3)
		return fs, anchor
	}
	lines := func(fs *memFS, n uint64) [][]byte {
		return bytes.SplitAfter(fs.files["/a/"+fileName(n)].data, []byte("\n"))
	}
	set := func(fs *memFS, n uint64, lines ...[]byte) { fs.files["/a/"+fileName(n)].data = bytes.Join(lines, nil) }
	last := func(fs *memFS) uint64 { return uint64(len(fs.files)) }
	for name, c := range map[string]struct {
		change func(fs *memFS)
		file   uint64
		line   int
	}{
		"flip in an event":        {func(fs *memFS) { ls := lines(fs, 2); ls[3][5] ^= 1; set(fs, 2, ls...) }, 2, 4},
		"flip in the chain value": {func(fs *memFS) { ls := lines(fs, 2); ls[3][len(ls[3])-10] ^= 1; set(fs, 2, ls...) }, 2, 4},
		"flip in a header":        {func(fs *memFS) { ls := lines(fs, 3); ls[0][len(ls[0])/2] ^= 1; set(fs, 3, ls...) }, 3, 1},
		"upper case chain value":  {func(fs *memFS) { ls := lines(fs, 2); upper(ls[2]); set(fs, 2, ls...) }, 2, 3},
		"drop a line":             {func(fs *memFS) { ls := lines(fs, 2); set(fs, 2, append(ls[:2:2], ls[3:]...)...) }, 2, 3},
		"repeat a line":           {func(fs *memFS) { ls := lines(fs, 2); set(fs, 2, append(ls[:3:3], ls[2:]...)...) }, 2, 4},
		"reorder lines":           {func(fs *memFS) { ls := lines(fs, 2); ls[2], ls[3] = ls[3], ls[2]; set(fs, 2, ls...) }, 2, 3},
		"insert a line": {func(fs *memFS) {
			ls := lines(fs, 2)
			set(fs, 2, append(ls[:2:2], append([][]byte{[]byte("{\"a\":1}\n")}, ls[2:]...)...)...)
		}, 2, 3},
		"splice from another file": {func(fs *memFS) { ls, o := lines(fs, 2), lines(fs, 3); ls[2] = o[2]; set(fs, 2, ls...) }, 2, 3},
		"cut a closed file":        {func(fs *memFS) { ls := lines(fs, 2); set(fs, 2, ls[:3]...) }, 3, 1},
		"tear a closed file":       {func(fs *memFS) { ls := lines(fs, 2); ls[len(ls)-2] = ls[len(ls)-2][:9]; set(fs, 2, ls...) }, 2, 0},
		"cut the last file":        {func(fs *memFS) { ls := lines(fs, last(fs)); set(fs, last(fs), ls[:1]...) }, 0, 0},
		"lose the last file":       {func(fs *memFS) { delete(fs.files, "/a/"+fileName(last(fs))) }, 0, 0},
		"lose a closed file":       {func(fs *memFS) { delete(fs.files, "/a/"+fileName(2)) }, 2, 0},
		"swap files": {func(fs *memFS) {
			a, b := "/a/"+fileName(2), "/a/"+fileName(3)
			fs.files[a], fs.files[b] = fs.files[b], fs.files[a]
		}, 2, 1},
		"empty a file": {func(fs *memFS) { set(fs, 2) }, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			fs, anchor := build()
			c.change(fs)
			r, err := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: testKey(t), Anchor: anchor.value})
			require.ErrorIs(t, err, ErrBroken)
			require.NotEmpty(t, r.Broken)
			if c.file > 0 {
				require.Equal(t, fileName(c.file), r.Broken[0].File, err)
			}
			if c.line > 0 {
				require.Equal(t, c.line, r.Broken[0].Line, err)
			}
		})
	}
}

func upper(line []byte) {
	i := len(line) - trailerSize
	copy(line[i+len(chainMember):], bytes.ToUpper(line[i+len(chainMember):i+len(chainMember)+2*chainSize]))
}

// TestEveryFlip flips every bit of a small log: Verify finds each.
func TestEveryFlip(t *testing.T) {
	fs, anchor := newMemFS(), &memAnchor{}
	l := open(t, Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs})
	record(t, l, 0, 3)
	require.NoError(t, l.Close())
	data, key := fs.files["/a/"+fileName(1)].data, testKey(t)
	for i := range len(data) * 8 {
		data[i/8] ^= 1 << (i % 8)
		_, err := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: key, Anchor: anchor.value})
		require.ErrorIs(t, err, ErrBroken, "bit %d", i)
		data[i/8] ^= 1 << (i % 8)
	}
}

// TestTornEnd: what a crash leaves after the last whole record is kept aside and recorded.
func TestTornEnd(t *testing.T) {
	for _, tail := range []string{"{\"eve", strings.Repeat("\x00", 700), "{\"a\":1}\n{\"b\":", "\n"} {
		fs, anchor := newMemFS(), &memAnchor{}
		o := Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs}
		l := open(t, o)
		record(t, l, 0, 5)
		require.NoError(t, l.Close())
		f := fs.files["/a/"+fileName(1)]
		f.data = append(f.data, tail...)
		l = open(t, o)
		require.Equal(t, int64(len(tail)), l.Stats().Recovered)
		record(t, l, 5, 6)
		require.NoError(t, l.Close())
		require.Equal(t, tail, string(fs.files["/a/audit-0000000001.torn-1"].data))
		require.Len(t, events(t, fs, "/a"), 6)
		_, err := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: testKey(t), Anchor: anchor.value})
		require.NoError(t, err)
		require.Contains(t, string(f.data), fmt.Sprintf(`{"cofferAudit":{"recovered":%d,`, len(tail)))
	}
}

// TestBrokenRefusesToOpen: bytes that had been on disk are missing; only the operator may go on.
func TestBrokenRefusesToOpen(t *testing.T) {
	fs, anchor := newMemFS(), &memAnchor{}
	o := Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs, MaxFileBytes: 1500}
	l := open(t, o)
	record(t, l, 0, 20)
	require.NoError(t, l.Close())
	n := uint64(len(fs.files))
	f := fs.files["/a/"+fileName(n)]
	whole := bytes.Clone(f.data)
	for _, damage := range []func(){
		func() { f.data = whole[:len(whole)-20] },
		func() { f.data = append([]byte("x"), whole...) },
		func() { delete(fs.files, "/a/"+fileName(n)) },
		func() { anchor.value = []byte("junk") },
	} {
		saved := bytes.Clone(anchor.value)
		damage()
		_, err := Open(context.Background(), o)
		require.ErrorIs(t, err, ErrBroken)
		again := o
		again.Restart = true
		l, err := Open(context.Background(), again)
		require.NoError(t, err)
		require.True(t, l.Stats().Restarted)
		record(t, l, 0, 1)
		require.NoError(t, l.Close())
		l = open(t, o) // goes on without Restart
		require.NoError(t, l.Close())
		r, _ := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: testKey(t), Anchor: anchor.value})
		require.Len(t, r.Restarts, 1)
		for name := range fs.files {
			if name > "/a/"+fileName(n) {
				delete(fs.files, name)
			}
		}
		f.data, anchor.value = bytes.Clone(whole), saved
		fs.files["/a/"+fileName(n)] = f
	}
}

// TestCrash: random work, a crash that loses what was not synced, recovery; no record
// that was synced is lost, and the chain holds.
func TestCrash(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 150 {
		fs, anchor := newMemFS(), &memAnchor{}
		o := Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs, MaxFileBytes: int64(500 + rng.IntN(3000)), SyncEvery: time.Hour}
		durable, next := 0, 0
		for range 4 {
			l := open(t, o)
			for range rng.IntN(40) {
				record(t, l, next, next+1)
				next++
				if rng.IntN(8) == 0 {
					require.NoError(t, l.sync(context.Background()))
					durable = next
				}
			}
			if rng.IntN(4) == 0 {
				require.NoError(t, l.Close())
				durable = next
			} else {
				abandon(l)
			}
			fs.crash(rng)
			l = open(t, o)
			ids := events(t, fs, "/a")
			require.GreaterOrEqual(t, len(ids), durable)
			for i, id := range ids {
				require.Equal(t, fmt.Sprintf("r-%06d", i), id)
			}
			next, durable = len(ids), len(ids)
			_, err := l.Verify(context.Background())
			require.NoError(t, err)
			require.NoError(t, l.Close())
		}
	}
}

// abandon stops a log as the end of its process would.
func abandon(l *Log) {
	l.mu.Lock()
	l.failed = ErrFailed
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	<-l.done
}

// TestFaults fails operation N, for N = 1, 2, 3 …, before and after applying it, until
// a run passes untouched. Whatever failed, what was acknowledged is there afterwards.
func TestFaults(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			fs, anchor := newMemFS(), &memAnchor{}
			fs.failAt, fs.after = n, after
			acked := map[string]bool{}
			o := Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs, MaxFileBytes: 900, SyncEvery: time.Hour}
			next := 0
			for range 3 {
				l, err := Open(context.Background(), o)
				if err != nil {
					require.ErrorIs(t, err, errInjected)
					continue
				}
				for range 8 {
					if l.Record(context.Background(), event(next)) == nil {
						acked[fmt.Sprintf("r-%06d", next)] = true
					}
					next++
				}
				l.Close()
			}
			touched := fs.ops >= n
			fs.failAt = 0
			l := open(t, o)
			_, err := l.Verify(context.Background())
			require.NoError(t, err, "operation %d, after %v", n, after)
			require.NoError(t, l.Close())
			ids := events(t, fs, "/a")
			found := map[string]bool{}
			for i, id := range ids {
				require.False(t, found[id])
				found[id] = true
				require.True(t, i == 0 || ids[i-1] < id)
			}
			for id := range acked {
				require.True(t, found[id], "operation %d, after %v: %s is lost", n, after, id)
			}
			if !touched {
				require.Len(t, acked, 24)
				break
			}
		}
	}
}

func TestOnErrorFailAndDrop(t *testing.T) {
	for _, policy := range []OnError{Fail, Drop} {
		fs := newMemFS()
		l := open(t, Options{Dir: "/a", Key: testKey(t), Anchor: &memAnchor{}, FS: fs, OnError: policy})
		record(t, l, 0, 1)
		fs.mu.Lock()
		fs.kind, fs.ops, fs.failAt, fs.sticky = "write", 0, 1, true // the disk is full
		fs.mu.Unlock()
		for i := 1; i < 4; i++ {
			err := l.Record(context.Background(), event(i))
			require.Equal(t, policy == Fail, errors.Is(err, errInjected))
		}
		fs.mu.Lock()
		fs.failAt = 0
		fs.mu.Unlock()
		record(t, l, 4, 5)
		_, err := l.Verify(context.Background())
		require.NoError(t, err)
		require.NoError(t, l.Close())
		require.Equal(t, []string{"r-000000", "r-000004"}, events(t, fs, "/a"))
		text := string(fs.files["/a/"+fileName(1)].data)
		require.Equal(t, policy == Drop, strings.Contains(text, `{"cofferAudit":{"dropped":3}`))
	}
}

// TestSyncFailureIsFinal: after a failed fdatasync the log fails, and never tries to sync again.
func TestSyncFailureIsFinal(t *testing.T) {
	fs := newMemFS()
	o := Options{Dir: "/a", Key: testKey(t), Anchor: &memAnchor{}, FS: fs, SyncAlways: true}
	l := open(t, o)
	record(t, l, 0, 3)
	fs.mu.Lock()
	fs.kind, fs.ops, fs.failAt = "sync", 0, 1
	fs.mu.Unlock()
	require.ErrorIs(t, l.Record(context.Background(), event(3)), ErrFailed)
	require.ErrorIs(t, l.Record(context.Background(), event(4)), ErrFailed)
	require.True(t, l.Stats().Failed)
	require.ErrorIs(t, l.Close(), ErrFailed)
	require.Equal(t, 1, fs.ops)
	l = open(t, o)
	record(t, l, 4, 5)
	require.NoError(t, l.Close())
}

func TestAnchorFailureKeepsLogging(t *testing.T) {
	fs, anchor := newMemFS(), &memAnchor{}
	l := open(t, Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs, SyncEvery: time.Millisecond})
	before := bytes.Clone(anchor.value)
	anchor.mu.Lock()
	anchor.err = errInjected
	anchor.mu.Unlock()
	record(t, l, 0, 3)
	require.Eventually(t, func() bool { return l.Stats().AnchorErrors > 0 }, 5*time.Second, time.Millisecond)
	anchor.mu.Lock()
	require.Equal(t, before, anchor.value)
	anchor.err = nil
	anchor.mu.Unlock()
	require.NoError(t, l.Close())
	_, err := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: testKey(t), Anchor: anchor.value})
	require.NoError(t, err)
	h, err := decodeAnchor(anchor.value)
	require.NoError(t, err)
	require.Equal(t, uint64(4), h.seq)
}

// TestGroupedSync: a burst of records costs one round, and comes within SyncEvery.
func TestGroupedSync(t *testing.T) {
	l := open(t, Options{Dir: t.TempDir(), Key: testKey(t), Anchor: &memAnchor{}, SyncEvery: 50 * time.Millisecond})
	before := l.Stats().Syncs
	record(t, l, 0, 1000)
	require.Eventually(t, func() bool { s := l.Stats(); return s.Seq == s.SyncedSeq }, 5*time.Second, time.Millisecond)
	require.LessOrEqual(t, l.Stats().Syncs-before, uint64(20))
	require.NoError(t, l.Close())
}

func TestConcurrent(t *testing.T) {
	dir, anchor := t.TempDir(), &memAnchor{}
	l := open(t, Options{Dir: dir, Key: testKey(t), Anchor: anchor, MaxFileBytes: 20_000, SyncEvery: time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	followed := make(chan int, 1)
	go func() {
		n := 0
		err := Scan(ctx, ScanOptions{Dir: dir, Follow: true}, func([]byte) error { n++; return nil })
		if err != nil {
			n = -1
		}
		followed <- n
	}()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 200 {
				if err := l.Record(context.Background(), event(w*1000+i)); err != nil {
					t.Error(err)
				}
				if i%50 == 0 {
					if _, err := l.Verify(context.Background()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	time.Sleep(3 * followEvery)
	cancel()
	require.Equal(t, 1600, <-followed)
	require.NoError(t, l.Close())
	r, err := Verify(context.Background(), VerifyOptions{Dir: dir, Key: testKey(t), Anchor: anchor.value})
	require.NoError(t, err)
	require.Equal(t, 1600+r.Files, r.Records)
}

func TestSyncAlwaysHonoursContext(t *testing.T) {
	l := open(t, Options{Dir: t.TempDir(), Key: testKey(t), Anchor: &memAnchor{}, SyncAlways: true})
	record(t, l, 0, 10)
	require.Equal(t, l.Stats().Seq, l.Stats().SyncedSeq)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Record(ctx, event(11)); err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.NoError(t, l.Close())
}

func BenchmarkRecord(b *testing.B) {
	l := open(b, Options{Dir: b.TempDir(), Key: testKey(b), Anchor: &memAnchor{}})
	defer l.Close()
	e := []byte(`{"eventName":"Decrypt","x":"` + strings.Repeat("x", 900) + `"}`)
	b.SetBytes(int64(len(e)))
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Record(context.Background(), e); err != nil {
			b.Fatal(err)
		}
	}
}
