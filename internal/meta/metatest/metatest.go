// Package metatest is the conformance suite of meta.Store: every adapter, bare and
// sealed, passes it unchanged.
package metatest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta"
)

// Run runs the suite. open returns an empty store, which the suite closes.
func Run(t *testing.T, open func(t *testing.T) meta.Store) {
	for name, test := range map[string]func(*testing.T, meta.Store){
		"PutGetDelete":    testPutGetDelete,
		"Revisions":       testRevisions,
		"Conditions":      testConditions,
		"Atomic":          testAtomic,
		"Scan":            testScan,
		"ScanOneState":    testScanOneState,
		"ValuesAreOwned":  testValuesAreOwned,
		"Limits":          testLimits,
		"Cancelled":       testCancelled,
		"Counter":         testCounter,
		"ReadYourCommits": testReadYourCommits,
		"Close":           testClose,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			test(t, s)
			require.NoError(t, s.Close())
		})
	}
}

// Put commits one unconditional value.
func Put(t testing.TB, s meta.Store, key, value string) {
	t.Helper()
	require.NoError(t, s.Commit(context.Background(), nil, map[string][]byte{key: []byte(value)}))
}

func get(t testing.TB, s meta.Store, key string) (string, uint64) {
	t.Helper()
	v, rev, err := s.Get(context.Background(), key)
	require.NoError(t, err)
	return string(v), rev
}

func requireAbsent(t testing.TB, s meta.Store, key string) {
	t.Helper()
	_, _, err := s.Get(context.Background(), key)
	require.ErrorIs(t, err, meta.ErrNotFound)
}

// Keys returns the keys of a scan.
func Keys(t testing.TB, s meta.Store, prefix, after string, limit int) []string {
	t.Helper()
	keys := []string{}
	require.NoError(t, s.Scan(context.Background(), prefix, after, limit, func(k string, _ []byte, _ uint64) error {
		keys = append(keys, k)
		return nil
	}))
	return keys
}

func testPutGetDelete(t *testing.T, s meta.Store) {
	requireAbsent(t, s, "a")
	Put(t, s, "a", "1")
	Put(t, s, "empty", "")
	v, _ := get(t, s, "a")
	require.Equal(t, "1", v)
	raw, _, err := s.Get(context.Background(), "empty")
	require.NoError(t, err)
	require.NotNil(t, raw)
	require.Empty(t, raw)
	for range 2 { // deleting what is absent is no error
		require.NoError(t, s.Commit(context.Background(), nil, map[string][]byte{"a": nil}))
		requireAbsent(t, s, "a")
	}
	require.NoError(t, s.Commit(context.Background(), nil, nil))
}

func testRevisions(t *testing.T, s meta.Store) {
	Put(t, s, "a", "1")
	_, first := get(t, s, "a")
	require.Positive(t, first)
	Put(t, s, "b", "1")
	_, second := get(t, s, "b")
	require.Greater(t, second, first)
	_, again := get(t, s, "a")
	require.Equal(t, first, again)
	require.NoError(t, s.Commit(context.Background(), nil, map[string][]byte{"a": nil}))
	Put(t, s, "a", "1")
	_, reborn := get(t, s, "a")
	require.Greater(t, reborn, second, "a key that comes back has a new revision")
	require.NoError(t, s.Scan(context.Background(), "", "", 0, func(k string, _ []byte, rev uint64) error {
		_, want := get(t, s, k)
		require.Equal(t, want, rev)
		return nil
	}))
}

func testConditions(t *testing.T, s meta.Store) {
	ctx := context.Background()
	create := map[string]uint64{"a": 0}
	require.NoError(t, s.Commit(ctx, create, map[string][]byte{"a": []byte("1")}))
	require.ErrorIs(t, s.Commit(ctx, create, map[string][]byte{"a": []byte("2")}), meta.ErrConflict)
	_, rev := get(t, s, "a")
	require.ErrorIs(t, s.Commit(ctx, map[string]uint64{"a": rev + 1}, map[string][]byte{"a": nil}), meta.ErrConflict)
	require.ErrorIs(t, s.Commit(ctx, map[string]uint64{"gone": 7}, map[string][]byte{"a": nil}), meta.ErrConflict)
	v, same := get(t, s, "a")
	require.Equal(t, "1", v)
	require.Equal(t, rev, same)
	require.NoError(t, s.Commit(ctx, map[string]uint64{"a": rev, "b": 0}, map[string][]byte{"a": nil, "c": []byte("3")}))
	require.Equal(t, []string{"c"}, Keys(t, s, "", "", 0))
	// A condition may guard keys that the commit does not write.
	_, rev = get(t, s, "c")
	require.NoError(t, s.Commit(ctx, map[string]uint64{"c": rev}, nil))
}

func testAtomic(t *testing.T, s meta.Store) {
	ctx := context.Background()
	Put(t, s, "guard", "x")
	put := map[string][]byte{}
	for i := range meta.MaxCommitOps - 1 {
		put[fmt.Sprintf("k%02d", i)] = []byte("v")
	}
	require.ErrorIs(t, s.Commit(ctx, map[string]uint64{"guard": 0}, put), meta.ErrConflict)
	require.Equal(t, []string{"guard"}, Keys(t, s, "", "", 0))
	_, rev := get(t, s, "guard")
	require.NoError(t, s.Commit(ctx, map[string]uint64{"guard": rev}, put))
	_, first := get(t, s, "k00")
	for k := range put {
		_, rev := get(t, s, k)
		require.Equal(t, first, rev, "one commit, one revision")
	}
}

func testScan(t *testing.T, s meta.Store) {
	for _, k := range []string{"a/1", "a/2", "a/3", "a", "b/1", "a/é", "a0", "\x00", "\U0010ffff"} {
		Put(t, s, k, "v:"+k)
	}
	require.Equal(t, []string{"a/1", "a/2", "a/3", "a/é"}, Keys(t, s, "a/", "", 0))
	require.Equal(t, []string{"a/2", "a/3"}, Keys(t, s, "a/", "a/1", 2))
	require.Equal(t, []string{"a/3", "a/é"}, Keys(t, s, "a/", "a/2x", 0))
	require.Equal(t, []string{"a/1"}, Keys(t, s, "a/", "0", 1), "after below the prefix")
	require.Empty(t, Keys(t, s, "a/", "b", 0), "after above the prefix")
	require.Empty(t, Keys(t, s, "none", "", 0))
	require.Equal(t, []string{"\x00", "a", "a/1", "a/2", "a/3", "a/é", "a0", "b/1", "\U0010ffff"}, Keys(t, s, "", "", -1))
	require.Equal(t, []string{"\U0010ffff"}, Keys(t, s, "\U0010ffff", "", 0))

	stop := errors.New("stop")
	n := 0
	err := s.Scan(context.Background(), "a/", "", 0, func(k string, v []byte, _ uint64) error {
		require.Equal(t, "v:"+k, string(v))
		n++
		return stop
	})
	require.ErrorIs(t, err, stop)
	require.Equal(t, 1, n)
}

func testScanOneState(t *testing.T, s meta.Store) {
	for _, k := range []string{"a", "b", "c"} {
		Put(t, s, k, "old")
	}
	seen := map[string]string{}
	require.NoError(t, s.Scan(context.Background(), "", "", 0, func(k string, v []byte, _ uint64) error {
		seen[k] = string(v)
		if k == "a" { // fn may use the store; the scan does not see it
			Put(t, s, "b", "new")
			Put(t, s, "bb", "new")
			require.NoError(t, s.Commit(context.Background(), nil, map[string][]byte{"c": nil}))
		}
		return nil
	}))
	require.Equal(t, map[string]string{"a": "old", "b": "old", "c": "old"}, seen)
	require.Equal(t, []string{"a", "b", "bb"}, Keys(t, s, "", "", 0))
}

func testValuesAreOwned(t *testing.T, s meta.Store) {
	ctx := context.Background()
	in := []byte("value")
	require.NoError(t, s.Commit(ctx, nil, map[string][]byte{"a": in}))
	in[0] = 'X'
	out, _, err := s.Get(ctx, "a")
	require.NoError(t, err)
	out[1] = 'X'
	v, _ := get(t, s, "a")
	require.Equal(t, "value", v)
}

func testLimits(t *testing.T, s meta.Store) {
	ctx := context.Background()
	put := func(key string, size int) error {
		return s.Commit(ctx, nil, map[string][]byte{key: make([]byte, size)})
	}
	long := strings.Repeat("k", meta.MaxKeySize)
	require.NoError(t, put(long, 1))
	require.NoError(t, put("v", meta.MaxSealedValue))
	for _, key := range []string{"", long + "k", "bad\xff"} {
		require.ErrorIs(t, put(key, 1), meta.ErrLimit)
		require.ErrorIs(t, s.Commit(ctx, map[string]uint64{key: 0}, nil), meta.ErrLimit)
		_, _, err := s.Get(ctx, key)
		require.ErrorIs(t, err, meta.ErrLimit)
	}
	require.ErrorIs(t, put("big", meta.MaxValueSize+1), meta.ErrLimit)
	many, heavy := map[string][]byte{}, map[string][]byte{}
	for i := range meta.MaxCommitOps + 1 {
		many[fmt.Sprint(i)] = nil
	}
	require.ErrorIs(t, s.Commit(ctx, nil, many), meta.ErrLimit)
	for i := range 5 {
		heavy[fmt.Sprint(i)] = make([]byte, meta.MaxSealedValue)
	}
	require.ErrorIs(t, s.Commit(ctx, nil, heavy), meta.ErrLimit)
	require.Equal(t, []string{long, "v"}, Keys(t, s, "", "", 0))
}

func testCancelled(t *testing.T, s meta.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	Put(t, s, "a", "1")
	Put(t, s, "b", "1")
	err := s.Scan(ctx, "", "", 0, func(string, []byte, uint64) error { cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = s.Get(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Commit(ctx, nil, map[string][]byte{"a": nil}), context.Canceled)
	v, _ := get(t, s, "a")
	require.Equal(t, "1", v)
}

// testCounter has goroutines increment one value by compare-and-set: nothing is lost.
func testCounter(t *testing.T, s meta.Store) {
	const workers, each = 8, 20
	ctx := context.Background()
	Put(t, s, "n", "0")
	var conflicts atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for done := 0; done < each; {
				v, rev, err := s.Get(ctx, "n")
				if err != nil {
					t.Error(err)
					return
				}
				var n int
				fmt.Sscan(string(v), &n)
				err = s.Commit(ctx, map[string]uint64{"n": rev}, map[string][]byte{"n": fmt.Append(nil, n+1)})
				switch {
				case err == nil:
					done++
				case errors.Is(err, meta.ErrConflict):
					conflicts.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	v, _ := get(t, s, "n")
	require.Equal(t, fmt.Sprint(workers*each), v)
}

// testReadYourCommits checks that a commit is visible to everyone once it has returned.
func testReadYourCommits(t *testing.T, s meta.Store) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			key := fmt.Sprintf("w%d", w)
			for i := range 25 {
				want := fmt.Sprint(i)
				if err := s.Commit(context.Background(), nil, map[string][]byte{key: []byte(want)}); err != nil {
					t.Error(err)
					return
				}
				if v, _, err := s.Get(context.Background(), key); err != nil || string(v) != want {
					t.Errorf("read %q, %v after writing %q", v, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func testClose(t *testing.T, s meta.Store) {
	ctx := context.Background()
	Put(t, s, "a", "1")
	require.NoError(t, s.Close())
	_, _, err := s.Get(ctx, "a")
	require.ErrorIs(t, err, meta.ErrFailed)
	require.ErrorIs(t, s.Scan(ctx, "", "", 0, nil), meta.ErrFailed)
	require.ErrorIs(t, s.Commit(ctx, nil, map[string][]byte{"a": nil}), meta.ErrFailed)
}
