//go:build race

package aead

// raceEnabled: the race detector makes sync.Pool drop objects at random.
const raceEnabled = true
