package blockstore

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/invariants"
)

// brokenRule makes the suites run with a rule left out; TestBrokenRules expects them to fail then.
var brokenRule = flag.String("broken.rule", "", "ordering rule that the engine leaves out")

func testSeams() seams { return seams{broken: rule(*brokenRule)} }

// TestBrokenRules runs the suites in processes whose engine leaves out one ordering
// rule, and requires them to fail: a suite that passes would not have noticed.
func TestBrokenRules(t *testing.T) {
	if *brokenRule != "" {
		return // this is such a process
	}
	if !invariants.Enabled {
		return // the rules are compiled in
	}
	suites := map[rule]string{
		ruleSyncBeforeCommit:  "TestCrashPoints",
		ruleDeferredRelease:   "TestSlotsAreHeldUntilCommit",
		ruleBirth:             "TestModel",
		ruleSequenceUnderLock: "TestConcurrentSnapshots",
		ruleOlderRecords:      "TestOverwriteDuringDeletion",
		ruleBackupHold:        "TestBackupUnderLoad",
		ruleWalkerCondition:   "TestWalkerKeepsWrites",
		ruleJournalRewrite:    "TestCrashJournal",
		ruleJournalExpected:   "TestCrashJournal",
		ruleJournalSync:       "TestCrashJournal",
		ruleJournalLand:       "TestCrashJournal",
		ruleLandingRelease:    "TestLandingKeepsSlots",
	}
	for broken, suite := range suites {
		t.Run(string(broken), func(t *testing.T) {
			t.Parallel()
			for range 3 { // the suites are random: a few runs must suffice
				limit, cancel := context.WithTimeout(ctx, time.Minute)
				out, err := exec.CommandContext(limit, os.Args[0], "-test.run=^"+suite+"$", "-broken.rule="+string(broken), "-concurrent.rounds=60", "-test.failfast").CombinedOutput()
				require.NoError(t, limit.Err())
				cancel()
				if err != nil {
					require.Regexp(t, `--- FAIL: `+suite+`|panic: `, string(out))
					return
				}
			}
			require.Fail(t, "nobody noticed")
		})
	}
}
