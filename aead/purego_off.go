//go:build !purego

package aead

// pureGo says whether the standard library was compiled without assembly.
const pureGo = false
