package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
