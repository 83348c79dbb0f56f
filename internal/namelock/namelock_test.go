package namelock

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Names are held by one at a time, taken in any order without a deadlock, and forgotten.
func TestLocksExclude(t *testing.T) {
	var locks Locks
	var wait sync.WaitGroup
	counts := make([]int, 4) // the race detector sees a lock that does not hold
	for range 8 {
		wait.Go(func() {
			for range 200 {
				a, b := rand.IntN(len(counts)), rand.IntN(len(counts))
				release, err := locks.Acquire(context.Background(), strconv.Itoa(a), strconv.Itoa(b))
				if err != nil {
					t.Error(err)
					return
				}
				counts[a]++
				counts[b]++
				release()
			}
		})
	}
	wait.Wait()
	require.Equal(t, 8*200*2, counts[0]+counts[1]+counts[2]+counts[3])
	require.Empty(t, locks.held)
}

// Who gives up holds nothing.
func TestAcquireGivesUp(t *testing.T) {
	var locks Locks
	release, err := locks.Acquire(context.Background(), "b")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err = locks.Acquire(ctx, "a", "b", "c")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Len(t, locks.held, 1)
	free, err := locks.Acquire(context.Background(), "a", "c", "a")
	require.NoError(t, err)
	free()
	release()
	require.Empty(t, locks.held)
}
