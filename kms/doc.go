// Package kms is a key management service in the process: KMS keys with versions of
// their material, states, aliases, key policies, grants and rotation, and the data
// keys they wrap, bound to an encryption context. Its operations, limits and messages
// are those of AWS KMS; a front end only decodes and encodes.
//
// It is not a server, an IAM directory or an audit log: callers come authenticated,
// with their policies, and events go to a Recorder.
//
// # Keys
//
//	root key (32 B)      sealed by a Root: key file, passphrase, environment, parent KMS
//	 ├ record key        seals every value of the metadata store, bound to its name
//	 ├ token key         seals markers, grant tokens and import tokens
//	 │  └ audit key      for the chain of an audit log; random, kept in the store
//	 └ material key      wraps key material; AAD = account, Region, key id, material id
//	    └ material       one version of a KMS key; wraps data keys (format: package aead)
//
// The root key lives in memory while the KMS is opened, and what is derived from it
// while it is open. The sealing record (sealing.go) is the one file outside the store.
//
// # Invariants
//
//   - One change of the API is one commit: there is no half-made key, alias or grant.
//   - What is answered was recorded first, and what was answered is durable.
//   - A change of state, policy or grants counts from the next use on: cached records
//     leave the cache before their commit and come back only after it.
//   - Every operation is decided by one evaluation of key policy, identity policies and
//     grants, whose reason is in the event. The order is: the request is well-formed,
//     the key exists, the caller may, the key's state and kind fit, the data is right.
//   - Wrapped keys carry the key's UUID alone; a UUID is unique over accounts and
//     Regions and never comes back.
//   - A deletion first removes the record, then everything that belongs to it, then the
//     bytes in the store's files, and is resumed from the due index until all is gone.
//
// # Limits
//
//	encryption context   256 pairs, 8192 B in canonical form
//	plaintext            4096 B; data key 1..1024 B; blob 6144 B
//	keys                 100,000 per account and Region; 50 aliases, 50 tags and 50,000 grants per key
//	key policy           32 KiB
//	rotations            every 90..2560 days; on demand 25 per key
//
// One process holds a directory, and its cache relies on that: two KMS over one Store
// would not see each other's changes.
//
// # Threat model
//
// An adversary who reads the directory learns the names in the metadata store (key ids,
// aliases, account numbers, hashes of principals, times of deletion and rotation), the
// sizes of values and when they change; not policies, contexts, states or material. With a guess of
// a passphrase he tests it at the price of Argon2id.
//
// An adversary who writes the directory cannot make, change or move a value: each is
// authenticated under its name. He could still delete values or put back an older value
// of the same name (a revoked grant, a Disabled key as it was when Enabled), or the
// whole directory: the store does not know its own newest state. He can deny service.
//
// An adversary who has an old copy of the directory and the root key opens everything
// in it, keys that were deleted since included. Erasure removes material from live
// files, not from copies, snapshots of the file system or freed blocks of the disk.
//
// An adversary who has a wrapped key gains nothing without a caller that may decrypt;
// every bit of it is authenticated, and it opens under one material only. A wrong
// context, a flipped bit and an unknown key give the same answer; their timing differs
// by what has been looked up, never by plaintext.
//
// An adversary who is a caller gets what policies and grants give him. He could still
// learn from NotFoundException and AccessDeniedException whether a key id exists, as on AWS.
//
// An adversary who reads the process's memory, forks it or is root on the machine has
// the material of the keys in use. Secrets lie in locked memory that is kept out of
// core dumps, but what ciphers expand from them does not.
package kms
