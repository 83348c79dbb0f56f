//go:build !linux && !darwin

package blockstore

func alignedBuffer(n int) []byte { return make([]byte, n) }

func freeAligned([]byte) {}
