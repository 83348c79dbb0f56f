//go:build !linux

package bench

import "time"

// threadCPU is not known here: reports show no CPU time.
func threadCPU() time.Duration { return 0 }
