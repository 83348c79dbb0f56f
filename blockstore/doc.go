// Package blockstore keeps volumes of fixed-size encrypted blocks: it seals every
// block, places it, indexes it, and gives it back only authenticated. It knows no
// account, permission or network; a Keyring opens data keys for it.
//
// Blocks are written out of place into slots of large zone files. An index (Pebble)
// has one record per extent: slots, sequences, tags. Nothing that is referenced is
// ever overwritten, so a torn write can hit only unreferenced slots, and there is no
// cleaner. A small flush is made durable by one write to a journal instead of a sync of
// the zones and one of the index.
//
// # Invariants
//
//  1. A record is durable only after the data it names is: in its slot or in the journal.
//  2. A slot is reused only after the batch that gave it up is durable, its last device write is
//     done, and every reader that may hold its number has left.
//  3. No two blocks are sealed under the same key and sequence: the sequence only rises while a
//     store runs, and every write session has a key of its own from a fresh random salt. No
//     counter is trusted across opens.
//  4. What binds a block is logical (store, origin volume, block number, sequence), never its slot:
//     maintenance may move ciphertext without a key.
//  5. Every byte that is returned has been authenticated.
//  6. Background work never exits the process and never hides an error.
//
// # Units and limits
//
//	block     4 KiB      sealed unit, torn-write unit
//	extent    16 blocks  one index record
//	slot      4 KiB      of ciphertext, 40-bit number, in a zone
//	zone      1 GiB      one file; 262,144 slots
//	volume    1 GiB .. 16 TiB, whole GiB, thin
//	session   at most 2^32 blocks under one key
//	chain     a volume reads through at most 8 parents; deeper clones are flattened first
//
// # Files, format version 1
//
//	SUPER.A, SUPER.B    superblocks, written alternately
//	index/              Pebble, format version pinned by name
//	data/%08x.dat       zones, numbered from 0 without a gap
//	journal             small flushes that index and zones may not have; absent in older stores
//	bitmap              the allocator at a clean close
//	LOCK                one process at a time
//
// All integers are big-endian. Unknown versions and flags refuse to open.
//
// Superblock, 4096 B; of two that authenticate the higher write count wins:
//
//	0    8   magic "COFFERST"
//	8    2   format version, 1
//	10   16  store id, random
//	26   8   write count: rises with every open
//	34   8   slots per zone
//	42   2+n wrapped store key, under the Keyring's reserved key, context {"coffer:store": hex id}
//	..       zeros
//	4080 16  HMAC-SHA256 of bytes 0..4079 under the store key's superblock key, cut to 16 B
//
// # Index keys
//
//	M name                                numbers | sequence | clean | journal
//	K dek(4)                              version(1) suite(1) commitment(32)
//	S session(4)                          version(1) dek(4) volume(4) volume id(16) salt(32) first sequence(8) opened at(8)
//	V volume(4)                           volume header
//	P volume(4) generation(4)             snapshot header
//	E volume(4) extent(6) ^generation(4)  extent record; the complement sorts the newest first
//	B volume(4) generation(4) extent(6)   birth list: extents first written in a generation, if a snapshot exists
//	D volume(4) generation(4) extent(6) block(1)   dead list: slot(5) birth sequence(8)
//
// Numbers are never used twice in a store. M numbers is volume(4) dek(4) session(4), a
// high-water that is durable before a number at or below it is used. M sequence is a high-water above every sequence in use. M clean
// is the SHA-256 of the bitmap file; it is deleted when the store is opened. M journal is the
// number of the last journal entry that the index has.
//
// # Extent record
//
//	0        1    flags: bit 0 session overrides follow
//	1        2    present bitmap: block i has a slot
//	3        2    zero bitmap: block i is a hole and masks the parent; disjoint from present
//	5        4    session that sealed most of the blocks
//	9        8    base sequence, the smallest
//	17       var  per present block: sequence minus base, unsigned varint
//	         2    with flag 0: bitmap of blocks of other sessions, not empty
//	         4*n  with flag 0: their sessions
//	         16*n tags of the present blocks
//	         16   MAC
//	         6*r  slots in runs: count minus one (1), first slot (5)
//
// The MAC is HMAC-SHA256, cut to 16 B, under the index key over 'E' ‖ volume id(16) ‖
// extent(8) ‖ generation(4) ‖ everything before the MAC. It does not cover the slots:
// a wrong slot fails the block's tag.
//
// # Headers
//
// A volume header is state(1), the authenticated part, MAC(16). State stands outside
// the MAC because a deletion needs no key: 1 live, 2 being deleted, 3 only snapshots are left.
//
//	version(1) flags(1) id(2+n) volume id(16) size(8) generation(4) parent volume(4) parent
//	generation(4) overlap(8) created(8) walk cursor(8) walk done(4) key slots, sealed view(2+n)
//
// flags: 1 plain, 2 flattened, 4 snapshot copy in the making. Key slots: count(1), then each
// dek(4) wrapped key(2+n) key ARN(2+n) context pairs(1) and per pair, sorted, name(2+n) value(2+n).
//
// A snapshot header is state(1) older(4) newer(4), the authenticated part, MAC(16). State: 1
// live, 2 deleted by its user but pinned, 3 being freed between the generations older and newer.
//
//	version(1) flags(1) id(2+n) size(8) sequence(8) created(8) parent volume(4) parent
//	generation(4) overlap(8) key slots, sealed view(2+n)
//
// The MACs are HMAC-SHA256 cut to 16 B under the index key over 'V' or 'P' ‖ volume id(16) ‖
// volume(4) ‖ generation(4, 0 for V) ‖ the authenticated part. The sealed view is a record
// (package aead) under the header key of update counter(8) ‖ set hash of the view's newest
// extent records(32) ‖ set hash of the generation's birth list(32). What ChangedExtents finds is checked
// against the difference of two snapshots' hashes of records.
//
// # Journal
//
// A round of at most 64 blocks, all of them still in memory, is an entry. Once the entry is durable,
// so is the round. Its index batch is applied without a sync, and its blocks are written to their
// slots, both later, with others. Until then reads of the index apply what waits, reads of
// blocks find them in memory, and a slot that is given up has no new owner.
// Entries follow each other from offset 0, each at a multiple of 4096 B:
//
//	0    8   magic "COFFERJE"
//	8    16  store id
//	24   8   number, rising
//	32   4   length of the batch
//	36   4   blocks
//	40   8   XXH64 of the entry with this field zero
//	48   24n per block: volume(4) extent(6) block(1) slot(5) sequence(8)
//	..       the batch: operations of the index in Pebble's encoding; zeros to a multiple of 4096 B
//	..       4096n ciphertext
//
// The journal starts over at 0 when it is full and at every open, after its blocks are in their
// slots and the zones and the index have been synced. What a scan finds is the entries up to the first that does
// not check, or whose number does not rise. After a crash the batches of those above M journal
// are applied in order; then every block of every entry that a record still has in that slot
// at that sequence is written there again: the others' slots may have new owners. After a clean
// close the journal is not read. The checksum finds torn writes; who can change the journal could
// change the index as well, and what is read is authenticated the same.
//
// # The free rule
//
// There are no reference counts. L is the newest existing snapshot; one that users deleted
// but a clone pins exists, one that is being freed does not.
//
//  1. At a commit in generation c, a block that is overwritten or trimmed and was born after L's
//     sequence is freed once the batch is durable, else it enters D under c. Older records of the
//     extent with a generation in (L, c) are deleted in the same batch. A record that is new in c
//     enters B under c if L exists.
//  2. Freeing snapshot i between its neighbours p and n (n is the current generation if none is
//     newer): mark it; for every birth (j, extent) with j in (i, n] delete the extent's next record
//     older than j if its generation is in (p, i]; then free the dead of generations (i, n] that were
//     born after p's sequence.
//  3. Freeing the last view down to the next older snapshot p: free the blocks of each extent's
//     newest record born after p's sequence, delete all records, births and deaths above p.
//  4. It applies to blocks that the volume sealed itself; a parent's blocks are kept by its pin.
//
// # Failures
//
// A failed device write fails its volume. Blocks that it had flushed to the journal stay in memory for
// reads and in the journal, from which the next open writes them. A failed sync fails the zone: it takes no more
// slots, and every volume with unsynced blocks in it fails, unless the journal has them: then it
// keeps them, and is not used any more until the next open. A failed write to the journal has the
// round committed without it. A failed index commit fails the store. A record that does not decode at open makes the store read-only. Nothing is retried
// behind the caller's back; a failed volume works again when it is next opened, from what
// was durable.
//
// A write that finds no room, in the pool or on the disk, is refused whole with ErrNoSpace before it
// is acknowledged, after a round of every open volume has freed what was given up.
//
// # Scrub and backup
//
// A scrub is a Verify at a bounded rate: the records of a volume, with the set hashes of its views, as they
// were at one moment; then its blocks as they are, each under a reader's ticket. It holds no
// lock while it reads.
//
// A backup is a checkpoint of the index, then the slots in use. Slots that are given up while
// it lasts are held back: what the checkpoint names is intact until it is copied. Anchors that were
// saved before the checkpoint are never newer than it. The copy has no bitmap and no lock, so
// its first open scans; its sessions are its own, hence its keys, and the original goes on beside it.
//
// # Threat model
//
// An adversary who can read the directory learns sizes, ids, which extents exist and when
// they were written, and the wrapped keys; no content, no key.
//
// An adversary who can also change it, without keys, can destroy data, but what is read is what
// was written there, or an error: a changed, moved or swapped ciphertext, tag, sequence,
// session, slot, record or header fails its tag or MAC. What a read does not find is a whole
// extent record that is missing, or replaced by an earlier one while its old slots still hold
// the old ciphertext: the view's set hash finds that, in Verify. An index rolled back to before
// the last attach, detach or snapshot is refused by Attach, as long as the anchor was not rolled
// back with it.
//
// A dead list is not authenticated: a changed one wastes space, or has slots freed too
// early, which destroys blocks; that is found as above.
//
// Not found: a rollback within one attachment to a state after its anchor; a rollback of index,
// zones and anchors together; a newest log cut short after a crash, which is such a rollback.
//
// An adversary who can read the memory of the process reads the keys of open volumes, and the
// blocks of them that were read lately: they are cached in clear until the volume closes.
//
// An adversary with an old copy of the directory and the keys of its time reads what it held.
// One with a clone's KMS key reads what the clone shows; under the same KMS key a lineage
// shares its data key. One who resumes two forks of the running process's memory (a virtual
// machine snapshot) can make it seal different blocks under one key and nonce: do not
// snapshot the memory of a running store.
package blockstore
