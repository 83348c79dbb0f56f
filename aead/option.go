package aead

import "slices"

// Option relaxes a rule of this package where the caller asks for it by name.
type Option uint8

// AllowTableAES lets AES run on lookup tables, whose timing depends on the key, where
// the CPU has no AES and carry-less multiplication instructions in effect. It never
// changes the default suites: it opens what another host sealed, or serves a
// measurement. Without it such uses answer ErrNotConstantTime.
const AllowTableAES Option = 1

// checkAES refuses table-driven AES unless opts allow it.
func checkAES(opts []Option) error {
	if constantTimeAES() || slices.Contains(opts, AllowTableAES) {
		return nil
	}
	return ErrNotConstantTime
}
