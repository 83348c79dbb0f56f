package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
