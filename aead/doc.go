// Package aead holds the ciphers of coffer and nothing else: suites, key types,
// derivation labels, and the sealing of a block, a record, a stream and a data key. It
// opens no file, reads no clock and starts no goroutine; randomness, readers and
// writers are passed in.
//
// Table-driven AES is refused (ErrNotConstantTime) unless the caller passes
// AllowTableAES; the default suites fall back to ChaCha20-Poly1305 on such CPUs.
// Secrets are redacted when printed. Cipher state that was expanded from them stays
// in the garbage-collected heap, which nothing here can clear.
//
// # Limits
//
//	block                4096 B plaintext, 4096 B ciphertext + 16 B tag kept elsewhere
//	blocks per session   2^32 (16 TiB; SP 800-38D allows 2^32 per key, here with distinct counter nonces)
//	data key             1..1024 B; 64 B where it seals a volume
//	wrapped key          plaintext 1..4096 B, overhead 126 B (at most 2048 B by contract)
//	record               plaintext at most 256 KiB, overhead 41 B
//	stream               plaintext at most 2^48 B, context at most 64 KiB, overhead 64 B + 16 B per 64 KiB; key at least 32 B
//
// # Keys
//
//	data key (DEK)   64 random bytes
//	session key      HKDF-SHA256(DEK, salt = 32 random bytes, "coffer/v1/session" ‖ 0 ‖ format(1) ‖ suite(1) ‖ store(16) ‖ volume(16))
//	index key        HKDF-SHA256(DEK, no salt, "coffer/v1/index")     HMAC-SHA256 of extent records, cut to 16 B
//	header key       HKDF-SHA256(DEK, no salt, "coffer/v1/header")    XAES-256-GCM of names, counters and set hashes
//	view key         HKDF-SHA256(DEK, no salt, "coffer/v1/view")      PRF of the set hash
//	anchor key       HKDF-SHA256(DEK, no salt, "coffer/v1/anchor")    HMAC-SHA256 of the freshness anchor
//	commitment       HKDF-SHA256(DEK, no salt, "coffer/v1/commitment"), 32 B, public: the DEK is uniformly random
//	stream key       HKDF-SHA256(DEK, salt = 32 random bytes, "coffer/v1/stream" ‖ 0 ‖ format(1) ‖ suite(1) ‖ context)
//	wrapping key     HKDF-SHA256(material, no salt, "coffer/v1/wrap/xaes" | "coffer/v1/wrap/xchacha" | "coffer/v1/wrap/commitment")
//	record key       HKDF-SHA256(secret, no salt, "coffer/v1/record/xaes" | "coffer/v1/record/xchacha")
//
// # Block
//
// A block is sealed by the session's suite with
//
//	nonce  0x00000000 ‖ sequence(8)
//	AAD    format(1) ‖ store(16) ‖ origin volume(16) ‖ block number(8) ‖ sequence(8)   49 B
//
// all integers big-endian. A nonce cannot repeat under a session key: the sequence
// only rises while a store runs, and every open of a store uses fresh salts, hence
// other keys. A live fork of the process memory defeats both legs (see
// blockstore/doc.go).
//
// # Wrapped key, format version 1
//
//	offset size  field
//	0      4     magic "CFWK"
//	4      1     format version, 1
//	5      1     suite: 1 XAES-256-GCM, 2 XChaCha20-Poly1305
//	6      16    KMS key id
//	22     32    material id
//	54     24    nonce, random
//	78     32    commitment to (wrapping key, nonce)
//	110    n     ciphertext of the plaintext key
//	110+n  16    tag
//
// The AAD is bytes 0..109 followed by the canonical encryption context, which is
// not stored. The commitment never depends on the plaintext. Suite 1's is the output
// of XAES's own CMAC key derivation, for the same nonce, under the label "C" instead
// of "X"; suite 2's is HMAC-SHA256(commitment key, nonce).
//
// # Record, format version 1
//
//	0      1     suite: 1 XAES-256-GCM, 2 XChaCha20-Poly1305
//	1      24    nonce, random
//	25     n     ciphertext
//	25+n   16    tag
//
// The AAD is the caller's. The suite byte is bound by using one derived key per suite.
//
// # Stream, format version 1
//
// A header, then the chunks one after another. The header stands before them or is
// kept apart from them (a writer that does not know the length makes it last).
//
//	0      4     magic "CFST"
//	4      1     format version, 1
//	5      1     suite: 1 AES-256-GCM, 2 ChaCha20-Poly1305
//	6      2     zero
//	8      32    salt, random, drawn for this stream alone
//	40     8     sealed: length of the plaintext
//	48     16    tag of the length
//
// Every chunk but the last holds 65536 B of plaintext; the last holds the rest, and is
// empty only when the stream is. A chunk is its ciphertext and a 16 B tag, sealed with
//
//	nonce  0x000000 ‖ chunk number(8) ‖ flag(1)     flag: 0 a chunk, 1 the last chunk, 2 the length
//	AAD    of the length: bytes 0..39 of the header; of a chunk: none
//
// The chunk number of the length is 0. A nonce cannot repeat: a stream key seals one
// run of one writer, which counts its chunks. A writer that starts again takes a new
// salt. Moved, dropped, repeated, exchanged or added chunks fail to open; a reader
// checks the length against the size it is given before it returns the first byte of
// any range. A range read proves the chunks it touches, not the others.
package aead
