package blockstore

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	defaultCrashPoints = 1000
	historyBlocks      = 56 // blocks from 0 that a history touches; its noise is behind them
)

var (
	crashPoints = flag.Int("crash.points", defaultCrashPoints, "crash points to check; more than the default lifts the time limit")
	crashSeed   = flag.Uint64("crash.seed", 0, "seed of the crash tests; 0 draws one")
	crashTime   = flag.Duration("crash.time", 10*time.Second, "time limit of each crash test")
)

func testSeed(t *testing.T) uint64 {
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-crash.seed %d", seed)
	return seed
}

// budget says when a test that may go on has to end.
func budget(limited bool) func() bool {
	end := time.Now().Add(*crashTime)
	return func() bool { return limited && time.Now().After(end) }
}

const watchdogTime = 40 * time.Second

// watchdog ends the process with all stacks if something waits for ever.
func watchdog(t *testing.T) *time.Timer {
	timer := time.AfterFunc(watchdogTime, func() {
		debug.SetTraceback("all")
		panic(t.Name() + " hangs")
	})
	t.Cleanup(func() { timer.Stop() })
	return timer
}

// TestCrashPoints takes the power away at operations of the file system, index and
// zones alike, before and after they apply, and checks what is left.
func TestCrashPoints(t *testing.T) { crashPointsOf(t, *crashPoints, (*crashRun).history) }

// TestCrashJournal does so while flushes go through the journal.
func TestCrashJournal(t *testing.T) { crashPointsOf(t, *crashPoints/2, (*crashRun).journalHistory) }

func crashPointsOf(t *testing.T, points int, history func(*crashRun)) {
	seed, over := testSeed(t), budget(*crashPoints <= defaultCrashPoints)
	checked, histories, journaled := 0, 0, uint64(0)
	for ; checked < points && !over(); histories++ {
		c := newCrashRun(t, seed+uint64(histories))
		pick := rand.New(rand.NewPCG(seed, uint64(histories)))
		var mu sync.Mutex
		c.fs.setOp(func(n int, name fsOp, path string, done bool) error {
			if !done && inIndex(path) {
				time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond) // the noise goes on meanwhile
			}
			mu.Lock()
			chosen := name != opRead && pick.IntN(100) < 15 && !over()
			mu.Unlock()
			if chosen {
				c.capture(fmt.Sprintf("history %d, %s %s (operation %d, applied: %v)", histories, name, path, n, done))
			}
			return nil
		})
		history(c)
		c.drain()
		checked, journaled = checked+c.checked, journaled+c.journaled
	}
	t.Logf("%d crash points in %d histories, %d rounds in the journal", checked, histories, journaled)
	require.NotZero(t, checked)
}

// TestCrashFailures makes operation N fail, once or from then on, before or after it
// is applied. What was acknowledged survives, and nothing waits for ever.
func TestCrashFailures(t *testing.T) {
	seed, over := testSeed(t), budget(*crashPoints <= defaultCrashPoints)
	watch := watchdog(t)
	probe := newCrashRun(t, seed)
	probe.history()
	total, runs, limit := probe.fs.operations(), 0, max(*crashPoints/10, 1)
	for ; runs < limit && !over(); runs++ {
		watch.Reset(watchdogTime)
		c := newCrashRun(t, seed+uint64(runs))
		c.faulty = true
		r := rand.New(rand.NewPCG(seed, uint64(runs)))
		at, after, lasts, zones := 1+r.IntN(total), r.IntN(2) == 1, r.IntN(2) == 1, r.IntN(3) == 0
		var failed string
		c.fs.setOp(func(n int, name fsOp, path string, done bool) error {
			if name == opRead || n < at || n > at && !lasts || done != after || zones && !isZone(path) {
				return nil
			}
			c.change(func() { failed = fmt.Sprintf("%s %s", name, path) })
			return errInjected
		})
		c.history()
		c.fs.setOp(nil)
		c.capture(fmt.Sprintf("run %d: operation %d failed (after applying: %v, lasting: %v, zones only: %v), last %s", runs, at, after, lasts, zones, failed))
		c.drain()
		if c.s != nil {
			_ = c.s.Close()
		}
	}
	t.Logf("%d of %d operations failed, one at a time", runs, total)
}
