package blockstore

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A flush joins the round that is running as long as nothing has changed since it froze
// its set; what was written or trimmed since then takes another.
func TestFlushJoins(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*failing) error
	}{
		{"write", func(f *failing) error { return f.write("a", 1, 2) }},
		{"part of a block", func(f *failing) error { _, err := f.devices["a"].WriteAt([]byte{1}, 5000); return err }},
		{"trim", func(f *failing) error { return f.devices["a"].Trim(ctx, 0, BlockSize) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFailing(t, "a")
			d := f.devices["a"]
			require.NoError(t, f.write("a", 0, 1))
			syncing, goOn := make(chan struct{}), make(chan struct{})
			var once sync.Once
			f.fault(func(name fsOp, path string) bool {
				if name == opSync && isZone(path) {
					once.Do(func() {
						close(syncing)
						<-goOn
					})
				}
				return false
			})
			flushed := make(chan error)
			go func() { flushed <- d.Flush(ctx) }()
			<-syncing
			running := d.rounds.running
			require.Same(t, running, d.rounds.flush(d))
			require.NoError(t, c.change(f))
			next := d.rounds.flush(d)
			require.NotSame(t, running, next)
			select {
			case <-running.done:
				t.Fatal("a round is over before its zone is synced")
			default:
			}
			close(goOn)
			require.NoError(t, <-flushed)
			<-next.done
			require.NoError(t, next.err)
			require.Zero(t, d.dirty.Load())
			f.sound()
		})
	}
}

// What a snapshot has frozen since a round froze its set is not covered by the round.
func TestFlushCoverage(t *testing.T) {
	f := newFailing(t, "a")
	d := f.devices["a"]
	n := new(round)
	n.froze.Store(d.active.number - 1)
	require.True(t, d.coveredBy(n))
	require.NoError(t, f.write("a", 0, 1))
	require.False(t, d.coveredBy(n))
	_, err := f.s.CreateSnapshot(ctx, SnapshotRequest{Volume: "a", ID: "s"})
	require.NoError(t, err)
	require.False(t, d.active.touched.Load())
	require.False(t, d.coveredBy(n))
}
