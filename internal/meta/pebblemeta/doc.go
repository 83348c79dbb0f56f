// Package pebblemeta keeps metadata in Pebble: the default meta.Store.
//
// It is a directory of its own that one process holds (Pebble's LOCK file). Values
// arrive sealed, so nothing is compressed.
//
// # Format, version 1
//
//	Pebble key        value
//	"f"               "coffer-meta" ‖ version(1) = 1
//	"r"               revision(8) of the newest commit
//	"d" ‖ key         revision(8) ‖ value
//
// Integers are big-endian. The Pebble format version is pinned by name; a library
// upgrade changes nothing until this package says so.
//
// # Commits
//
// One goroutine commits. It takes every waiting commit, checks the conditions in
// order, and writes those that hold as one synced batch, so that concurrent callers
// share a sync. Readers see a snapshot that is replaced after the sync: nothing is
// ever read that a crash could take back.
//
// # Failures
//
// Pebble reports WAL and MANIFEST errors through Logger.Fatalf and means the process
// to end; a Fatalf that returns makes a failed synced write look successful, and one
// that ends its goroutine has Pebble's deferred functions take apart what its other
// goroutines still use, whose panics end the process. Ours marks the store failed and
// parks its goroutine for ever; an error of the file system while the store is being
// opened does the same. Every call into Pebble that may block runs beside the failed
// signal. A failed store answers ErrFailed, keeps its lock, and is not closed: what
// Pebble still holds is unknown. The process must be started again.
package pebblemeta
