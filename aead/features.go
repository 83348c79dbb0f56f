package aead

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// constantTimeAES says whether the standard library's AES-GCM runs on AES and
// carry-less multiplication instructions in this process (GODEBUG cpu.* included):
// otherwise it is table-driven and its timing depends on the key. The expression is
// the standard library's own supportsAESGCM.
func constantTimeAES() bool {
	switch runtime.GOARCH {
	case "amd64":
		return cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ && cpu.X86.HasSSE41 && cpu.X86.HasSSSE3
	case "arm64":
		return runtime.GOOS == "darwin" || cpu.ARM64.HasAES && cpu.ARM64.HasPMULL
	}
	return false
}

// DefaultSuite returns the block suite for this CPU: AES-256-GCM where it is constant-time, else ChaCha20-Poly1305.
func DefaultSuite() Suite {
	if constantTimeAES() {
		return SuiteAES256GCM
	}
	return SuiteChaCha20Poly1305
}

// DefaultWrapSuite returns the suite of new wrapped keys and records for this CPU.
func DefaultWrapSuite() WrapSuite {
	if constantTimeAES() {
		return WrapXAES256GCM
	}
	return WrapXChaCha20Poly1305
}
