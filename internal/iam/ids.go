package iam

import (
	"fmt"
	"io"
	"strings"
)

// Prefixes of IAM's unique ids, and the alphabet and length of what follows.
const (
	PrefixUser      = "AIDA"
	PrefixRole      = "AROA"
	PrefixPolicy    = "ANPA"
	PrefixProfile   = "AIPA"
	PrefixAccessKey = "AKIA" // permanent
	PrefixSession   = "ASIA" // temporary

	idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	idRandom   = 17 // characters after the prefix: 85 bits, too many to collide or guess
	secretSize = 40 // characters of a secret access key
)

// newID returns a fresh id such as AIDA….
func newID(rand io.Reader, prefix string) (string, error) {
	return randomText(rand, prefix, idAlphabet, idRandom)
}

// newSecret returns a fresh secret access key, 40 characters as AWS's are: 240 random bits.
func newSecret(rand io.Reader) (string, error) {
	return randomText(rand, "", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", secretSize)
}

// randomText draws n characters of an alphabet whose length divides 256, so that
// every character is equally likely.
func randomText(rand io.Reader, prefix, alphabet string, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(rand, b); err != nil {
		return "", fmt.Errorf("iam: reading randomness: %w", err)
	}
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return prefix + string(b), nil
}

// isUniqueID reports whether s is the unique id of a user or role.
func isUniqueID(s string) bool {
	if !strings.HasPrefix(s, PrefixUser) && !strings.HasPrefix(s, PrefixRole) {
		return false
	}
	return len(s) >= 16 && len(s) <= 128 && only(s, "")
}
