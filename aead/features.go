package aead

import (
	"crypto/fips140"
	"runtime"

	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/cpu"
)

// Feature is one CPU feature that the ciphers of this package care about.
type Feature struct {
	Name      string `json:"name"`            // as GODEBUG spells it: sse41
	Alias     string `json:"alias,omitempty"` // as /proc/cpuinfo spells it, where that differs: sse4_1
	Hardware  bool   `json:"hardware"`        // the CPU has it
	Effective bool   `json:"effective"`       // the CPU has it and GODEBUG cpu.* has not switched it off
}

// CPUFeatures describes which code the ciphers run in this process. The path names
// are predicted with the expressions of the standard library and x/crypto, which do
// not say which code they chose.
type CPUFeatures struct {
	GOARCH           string
	Features         []Feature
	GCMPath          string // PathAESCLMUL, PathAESPMULL, PathAESOnly or PathGeneric
	ChaChaPath       string // PathAVX2, PathNEON or PathGeneric
	ConstantTimeAES  bool   // AES-GCM's timing does not depend on the key
	FIPS             bool   // GODEBUG=fips140=on
	DefaultSuite     Suite
	DefaultWrapSuite WrapSuite
}

// The names of the code paths.
const (
	PathAESCLMUL = "aes+pclmulqdq" // AES-GCM on amd64: AES-NI and PCLMULQDQ, constant-time
	PathAESPMULL = "aes+pmull"     // AES-GCM on arm64: AES and PMULL, constant-time
	PathAESOnly  = "aes"           // AES instructions, table-driven GHASH: not constant-time
	PathGeneric  = "generic"       // portable Go (Poly1305 keeps its assembly on amd64); AES is table-driven and not constant-time
	PathAVX2     = "avx2"          // ChaCha20-Poly1305 on amd64 with AVX2 and BMI2
	PathNEON     = "neon"          // ChaCha20 on arm64; Poly1305 is portable there
)

// Features describes this CPU and this process.
func Features() CPUFeatures {
	return CPUFeatures{
		GOARCH:           runtime.GOARCH,
		Features:         features(),
		GCMPath:          gcmPath(),
		ChaChaPath:       chachaPath(),
		ConstantTimeAES:  constantTimeAES(),
		FIPS:             fips140.Enabled(),
		DefaultSuite:     DefaultSuite(),
		DefaultWrapSuite: DefaultWrapSuite(),
	}
}

// features pairs what cpuid reads from the hardware with what x/sys/cpu, which
// honours GODEBUG as the runtime does, leaves in effect.
func features() []Feature {
	hw, x, a := &cpuid.CPU, &cpu.X86, &cpu.ARM64
	switch runtime.GOARCH {
	case "amd64":
		return []Feature{
			{"aes", "", hw.Has(cpuid.AESNI), x.HasAES},
			{"pclmulqdq", "", hw.Has(cpuid.CLMUL), x.HasPCLMULQDQ},
			{"ssse3", "", hw.Has(cpuid.SSSE3), x.HasSSSE3},
			{"sse41", "sse4_1", hw.Has(cpuid.SSE4), x.HasSSE41},
			{"avx2", "", hw.Has(cpuid.AVX2), x.HasAVX2},
			{"bmi2", "", hw.Has(cpuid.BMI2), x.HasBMI2},
			{"avx512vaes", "vaes", hw.Has(cpuid.VAES), x.HasAVX512VAES},
			{"avx512vpclmulqdq", "vpclmulqdq", hw.Has(cpuid.VPCLMULQDQ), x.HasAVX512VPCLMULQDQ},
		}
	case "arm64":
		return []Feature{
			{"aes", "", hw.Has(cpuid.AESARM), a.HasAES},
			{"pmull", "", hw.Has(cpuid.PMULL), a.HasPMULL},
			{"sha2", "", hw.Has(cpuid.SHA2), a.HasSHA2},
			{"asimd", "", hw.Has(cpuid.ASIMD), a.HasASIMD},
		}
	}
	return nil
}

// gcmPath follows supportsAES and supportsAESGCM of crypto/internal/fips140/aes.
func gcmPath() string {
	if pureGo {
		return PathGeneric
	}
	x, a := &cpu.X86, &cpu.ARM64
	switch {
	case runtime.GOARCH == "amd64" && x.HasAES && x.HasSSE41 && x.HasSSSE3:
		if x.HasPCLMULQDQ {
			return PathAESCLMUL
		}
		return PathAESOnly
	case runtime.GOARCH == "arm64" && a.HasAES:
		if a.HasPMULL {
			return PathAESPMULL
		}
		return PathAESOnly
	}
	return PathGeneric
}

// chachaPath follows the dispatch of x/crypto/chacha20poly1305.
func chachaPath() string {
	x := &cpu.X86
	switch {
	case pureGo:
		return PathGeneric
	case runtime.GOARCH == "arm64":
		return PathNEON
	case runtime.GOARCH == "amd64" && x.HasSSSE3 && x.HasAVX2 && x.HasBMI2:
		return PathAVX2
	}
	return PathGeneric
}

// constantTimeAES says whether the standard library's AES-GCM runs on AES and
// carry-less multiplication instructions in this process: otherwise it is
// table-driven and its timing depends on the key.
func constantTimeAES() bool {
	p := gcmPath()
	return p == PathAESCLMUL || p == PathAESPMULL
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
