package bench

import (
	"slices"

	"coffer.example/aead"
)

// AEADPaths returns the child processes of RunAEAD on an architecture. The first is the
// default, against which the others are compared.
func AEADPaths(goarch string) []Path {
	paths := []Path{{pathDefault, ""}}
	switch goarch {
	case "amd64":
		paths = append(paths, Path{"no-pclmulqdq", "cpu.pclmulqdq=off"}, Path{"no-aes", "cpu.aes=off"}, Path{"no-avx2", "cpu.avx2=off"})
	case "arm64":
		paths = append(paths, Path{"no-pmull", "cpu.pmull=off"}, Path{"no-aes", "cpu.aes=off"})
	}
	return append(paths, Path{pathFIPS, "fips140=on"})
}

// suiteVariant is one way to run a suite.
type suiteVariant struct{ name, engine, code, path string }

// suiteVariants names the paths by the code that runs there and drops those that run
// the same code for this suite as an earlier one.
func suiteVariants(suite aead.Suite, paths []PathReport) (list []suiteVariant) {
	var seen []string
	for _, p := range paths {
		code := p.GCM
		if suite == aead.SuiteChaCha20Poly1305 {
			code = p.ChaCha
		}
		switch {
		case p.FIPS && suite == aead.SuiteAES256GCM:
			list = append(list, suiteVariant{pathFIPS, engineOurs, code, p.Name})
		case !p.FIPS && !slices.Contains(seen, code):
			list = append(list, suiteVariant{code, engineOurs, code, p.Name})
			if len(seen) == 0 {
				list = append(list, suiteVariant{engineBare, engineBare, code, p.Name})
			}
			seen = append(seen, code)
		}
	}
	return list
}
