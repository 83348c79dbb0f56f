package aead

import "errors"

var (
	// ErrOpen is the one answer to every failed authentication; the output is cleared.
	ErrOpen = errors.New("aead: message authentication failed")
	// ErrFormat says that bytes are not a wrapped key or record of a known format.
	ErrFormat = errors.New("aead: unknown or malformed format")
	// ErrSize says that a plaintext is outside the limits of doc.go.
	ErrSize = errors.New("aead: size out of range")
	// ErrSuite says that a suite number is not known.
	ErrSuite = errors.New("aead: unknown suite")
	// ErrNotConstantTime says that the suite would run on table-driven AES, whose
	// timing depends on the key; it is refused unless the caller forces it.
	ErrNotConstantTime = errors.New("aead: this CPU has no constant-time AES-GCM; use ChaCha20-Poly1305")
)
