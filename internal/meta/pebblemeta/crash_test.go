package pebblemeta_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/metatest"
	"coffer.example/internal/meta/pebblemeta"
)

// step is commit n of a history: it sets x and y to n, adds log/n and removes log/(n-10).
func step(s meta.Store, n uint64) error {
	value := fmt.Appendf(nil, "%d", n)
	put := map[string][]byte{"x": value, "y": value, fmt.Sprintf("log/%06d", n): value}
	if n > 10 {
		put[fmt.Sprintf("log/%06d", n-10)] = nil
	}
	return s.Commit(context.Background(), nil, put)
}

// requireHistory checks that s holds exactly the first n commits, for one n in [low, high].
func requireHistory(t *testing.T, s meta.Store, low, high uint64) {
	t.Helper()
	read := func(key string) (n uint64) {
		v, _, err := s.Get(context.Background(), key)
		if err != nil {
			require.ErrorIs(t, err, meta.ErrNotFound)
			return 0
		}
		_, err = fmt.Sscan(string(v), &n)
		require.NoError(t, err)
		return n
	}
	n := read("x")
	require.GreaterOrEqual(t, n, low, "an acknowledged commit is lost")
	require.LessOrEqual(t, n, high)
	require.Equal(t, n, read("y"), "a commit is torn")
	want := []string{}
	for i := max(n, 10) - 9; i <= n; i++ {
		want = append(want, fmt.Sprintf("log/%06d", i))
	}
	require.Equal(t, want, metatest.Keys(t, s, "log/", "", 0))
}

// TestCrashWhileCommitting drops unsynced data at random moments of a running history.
func TestCrashWhileCommitting(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	fs := vfs.NewCrashableMem()
	s := open(t, fs)
	var started, acked atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := uint64(1); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			started.Store(n)
			if err := step(s, n); err != nil {
				t.Error(err)
				return
			}
			acked.Store(n)
		}
	}()
	for range 30 {
		time.Sleep(time.Duration(rng.IntN(10)) * time.Millisecond)
		low := acked.Load()
		clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		high := started.Load()
		c := open(t, clone)
		requireHistory(t, c, low, high)
		require.NoError(t, step(c, high+1), "the reopened store works")
		require.NoError(t, c.Close())
	}
	close(stop)
	<-stopped
	require.NoError(t, s.Close())
}

// TestCrashAroundErase erases and crashes: the erased value never comes back and nothing else goes.
func TestCrashAroundErase(t *testing.T) {
	fs, ctx := vfs.NewCrashableMem(), context.Background()
	s := open(t, fs)
	for n := uint64(1); n <= 20; n++ {
		require.NoError(t, step(s, n))
	}
	metatest.Put(t, s, "secret/a", "secret-bytes-that-go")
	require.NoError(t, s.Commit(ctx, nil, map[string][]byte{"secret/a": nil}))
	require.NoError(t, s.Erase(ctx, "secret/"))
	clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
	require.NoError(t, s.Close())
	require.False(t, found(t, clone, []byte("secret-bytes-that-go")))
	c := open(t, clone)
	requireHistory(t, c, 20, 20)
	require.NoError(t, c.Close())
}

// TestFailEveryWrite fails write operation N for N = 1, 2, 3 … until a run passes
// untouched, once and for ever after. A commit that was acknowledged is on the disk;
// a store that failed stays failed.
func TestFailEveryWrite(t *testing.T) {
	for name, sticky := range map[string]bool{"once": false, "sticky": true} {
		t.Run(name, func(t *testing.T) {
			for n := int32(1); ; n++ {
				if hit := failWrite(t, n, sticky); !hit {
					require.Greater(t, n, int32(20), "the faults did reach the store")
					return
				}
			}
		})
	}
}

func failWrite(t *testing.T, n int32, sticky bool) (hit bool) {
	mem := vfs.NewCrashableMem()
	var count atomic.Int32
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		if c := count.Add(1); c == n || sticky && c > n {
			return errorfs.ErrInjected
		}
		return nil
	}))
	acked, started := uint64(0), uint64(0)
	if s, err := pebblemeta.Open(pebblemeta.Options{Dir: dir, FS: fs}); err == nil {
		for started < 12 && acked == started {
			started++
			if err := step(s, started); err == nil {
				acked = started
				continue
			}
			require.ErrorIs(t, step(s, 99), meta.ErrFailed, "a failed store stays failed")
			_, _, err = s.Get(context.Background(), "x")
			require.ErrorIs(t, err, meta.ErrFailed)
			require.ErrorIs(t, s.Close(), meta.ErrFailed)
		}
		if err := s.Close(); count.Load() < n {
			require.NoError(t, err)
		}
	}
	c := open(t, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0}))
	requireHistory(t, c, acked, started)
	require.NoError(t, c.Close())
	return count.Load() >= n
}

// TestCorruptTableFailsTheStore flips bytes of the tables: reads never return wrong
// data, and what Pebble reports as corruption fails the store.
func TestCorruptTableFailsTheStore(t *testing.T) {
	fs, ctx := vfs.NewMem(), context.Background()
	s := open(t, fs)
	value := make([]byte, 2000)
	for i := range 200 {
		require.NoError(t, s.Commit(ctx, nil, map[string][]byte{fmt.Sprintf("k%03d", i): value}))
	}
	require.NoError(t, s.Erase(ctx, "k"))
	require.NoError(t, s.Close())
	names, err := fs.List(dir)
	require.NoError(t, err)
	for _, n := range names {
		if len(n) > 4 && n[len(n)-4:] == ".sst" {
			f, err := fs.OpenReadWrite(fs.PathJoin(dir, n), vfs.WriteCategoryUnspecified)
			require.NoError(t, err)
			info, err := f.Stat()
			require.NoError(t, err)
			_, err = f.WriteAt([]byte{0xaa}, info.Size()/3)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
	}
	s = open(t, fs)
	err = s.Scan(ctx, "", "", 0, func(_ string, v []byte, _ uint64) error {
		require.Equal(t, value, v)
		return nil
	})
	require.ErrorIs(t, err, meta.ErrFailed)
	require.ErrorIs(t, s.Commit(ctx, nil, map[string][]byte{"a": nil}), meta.ErrFailed)
}
