// Package snapshot makes, restores, copies and compares snapshots of volumes, and
// decides what is encrypted under which key. It knows no account and no permission:
// whoever calls has been authorised, and brings a Keyring that acts for them.
//
// # Snapshots
//
// Create is one flush of the volume, whatever its size; no data moves. Restore under
// the source's KMS key shares its ciphertext and is instant; under another key the
// volume gets a data key of its own, is usable at once and is re-encrypted behind.
// Copy under another key re-encrypts the whole snapshot; the copy exists when its last
// block is under the new key. Snapshots and volumes can be deleted in any order; the
// space that only they held comes back.
//
// # Encryption
//
// Decide is the one decision table for volumes, launches, images and copies: a pure
// function, tested row by row.
//
// # Diff
//
// Diff compares two snapshots of one volume through the index alone: what changed costs,
// not the volume's size.
package snapshot
