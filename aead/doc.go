// Package aead holds the ciphers of coffer and nothing else: suites, key types,
// derivation labels, and the sealing of a block, a record and a data key. It does
// no I/O, reads no clock and starts no goroutine; randomness is passed in.
//
// # Limits
//
//	block                4096 B plaintext, 4096 B ciphertext + 16 B tag kept elsewhere
//	blocks per session   2^32 (16 TiB; SP 800-38D allows 2^32 per key, here with distinct counter nonces)
//	data key             1..1024 B; 64 B where it seals a volume
//	wrapped key          plaintext 1..4096 B, overhead 126 B (at most 2048 B by contract)
//	record               plaintext at most 256 KiB, overhead 41 B
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
// not stored. The commitment never depends on the plaintext. Suite 1's is the next
// 32 bytes of XAES's own CMAC key derivation under the label "C" instead of "X";
// suite 2's is HMAC-SHA256(HKDF(material, "coffer/v1/wrap-commitment"), nonce).
//
// # Record, format version 1
//
//	0      1     suite: 1 XAES-256-GCM, 2 XChaCha20-Poly1305
//	1      24    nonce, random
//	25     n     ciphertext
//	25+n   16    tag
//
// The suite byte is bound by using one derived key per suite.
package aead
