// Package audit is the trail: CloudTrail-shaped events (Event) in an append-only log
// (Log) that shows whether anyone changed, dropped, reordered or cut off what was
// written. Readers (Scan, Verify) need no Log and may run beside one.
//
// It is not a filter: what must not be logged (plaintext, wrapped keys, tokens) never
// reaches it. It deletes nothing.
//
// # Format (version 1)
//
// A log is a directory of files audit-NNNNNNNNNN.jsonl, numbered from 1 without gaps
// unless old ones were moved away. A file is lines; a line is one JSON object and a
// newline. A record is an event with two members added at its end:
//
//	{…event…,"cofferSeq":S,"cofferChain":"C"}
//
// S counts records from 1 through all files. C is HMAC-SHA256, 64 lower-case
// hexadecimal digits, under the audit key, of
//
//	previous C (32 bytes) ‖ the line's bytes up to and including S
//
// where the first record of all follows 32 zero bytes. The first record of a file is
// its header, and a few others are the log's own; both have one member besides:
//
//	{"cofferAudit":{"format":1,"file":N,"previous":"C"},…}      header; C is the last of file N-1
//	{"cofferAudit":{"format":1,…,"restart":"why"},…}            header of a chain begun anew by the operator
//	{"cofferAudit":{"recovered":B,"sha256":"H","keptAs":"F"},…} B torn bytes were moved to file F
//	{"cofferAudit":{"dropped":D},…}                             D events could not be written before this one
//
// The anchor, kept by the caller outside the directory, is format (1 byte), file
// number (8), S (8) and C (32) of a record that is on disk.
//
// # What the chain shows
//
// Without the key nobody can write a record, or change, drop, insert or reorder
// records before the last one. Cutting off the end is seen down to the anchor, which
// is at most SyncEvery old while the log is written to, and exact after Close. Moving
// away a whole oldest file is not hidden: the first file left says which came before it.
// Whoever has the key and the anchor store can forge everything.
//
// # Durability
//
// Record hands the record to the kernel (write(2)) before it returns: it survives the
// end of the process, kill -9 included. fdatasync follows within SyncEvery, or before
// Record returns with SyncAlways. After a failed fdatasync nobody knows what is on
// disk: the log fails until it is opened again. A failed write is taken back
// (truncated) and the next Record tries again.
//
// Open finds what a crash left behind: a torn end (bytes after the last record that
// verifies) is copied to audit-NNNNNNNNNN.torn-K, cut off, and a record says so. If
// the anchor is past the last good record, bytes are missing that had been on disk:
// Open refuses (ErrBroken) until the operator restarts the chain.
//
// One Log writes a directory at a time; the caller holds the directory's lock.
package audit
