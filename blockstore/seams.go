package blockstore

import "coffer.example/internal/invariants"

// seams are where the package's own tests look into the engine, or break it on
// purpose to show that they would notice. The zero value changes nothing, and nobody
// outside the package can set another.
type seams struct {
	// sealed is told the session and sequence of every block before it is sealed.
	sealed func(o *openSession, sequence uint64)
	// collect is how many runs gather before they are written; 0 is the default.
	collect int
	// walkers is how many extents a walker works on at once; 0 is the default.
	walkers int
	// broken is a rule that the engine leaves out.
	broken rule
}

// rule is one of the ordering rules that keep data safe.
type rule string

const (
	ruleSyncBeforeCommit  rule = "sync-before-commit"  // zones are synced before the records that name their blocks
	ruleDeferredRelease   rule = "deferred-release"    // a slot is reusable only after the batch that gave it up
	ruleBirth             rule = "birth"               // a block that a snapshot shows is not freed
	ruleSequenceUnderLock rule = "sequence-under-lock" // a snapshot's sequence is read while no write is under way
	ruleOlderRecords      rule = "older-records"       // no record still names a slot that a round frees while a snapshot is freed
	ruleBackupHold        rule = "backup-hold"         // slots that a backup has yet to copy are not reused
	ruleWalkerCondition   rule = "walker-condition"    // a walker replaces only what it has read
	ruleJournalRewrite    rule = "journal-rewrite"     // after a crash, journaled blocks are written to their slots again
	ruleJournalExpected   rule = "journal-expected"    // and only where the index still expects them
	ruleJournalSync       rule = "journal-sync"        // the slots are synced before the journal starts over
	ruleJournalLand       rule = "journal-land"        // and written before that
	ruleLandingRelease    rule = "landing-release"     // a slot is reusable only after the write of its last block
)

// without says whether a rule is left out; never in builds without the invariants tag.
func (s *seams) without(r rule) bool { return invariants.Enabled && s.broken == r }
