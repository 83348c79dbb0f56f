package iam

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
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
	idRandom   = 17 // characters after the prefix: 85 bits, too many to collide
	secretSize = 40 // characters of a secret access key

	// An access key id is a prefix and 10 bytes in base 32. As on AWS its account can be
	// read off it: bits 1 to 40 of them. The other bits are random.
	accessKeyBytes   = 10
	accountShift     = 7
	accountBits      = 40
	accessKeyIDChars = 4 + accessKeyBytes*8/5
)

// newID returns a fresh id such as AIDA….
func newID(rand io.Reader, prefix string) (string, error) {
	return randomText(rand, prefix, idAlphabet, idRandom)
}

// newAccessKeyID returns a fresh access key id of an account.
func newAccessKeyID(rand io.Reader, prefix, account string) (string, error) {
	var b [accessKeyBytes]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("iam: reading randomness: %w", err)
	}
	n, err := strconv.ParseUint(account, 10, accountBits)
	if err != nil {
		return "", refuse(ErrInvalid, "account id %q", account)
	}
	const mask = (uint64(1)<<accountBits - 1) << (16 + accountShift)
	word := binary.BigEndian.Uint64(b[:])
	binary.BigEndian.PutUint64(b[:], word&^mask|n<<(16+accountShift))
	return prefix + base32.StdEncoding.EncodeToString(b[:]), nil
}

// accountInID returns the account that an access key id of our making names.
func accountInID(id string) (account string, ok bool) {
	if len(id) != accessKeyIDChars || !strings.HasPrefix(id, PrefixSession) && !strings.HasPrefix(id, PrefixAccessKey) {
		return "", false
	}
	b, err := base32.StdEncoding.DecodeString(id[4:])
	if err != nil {
		return "", false
	}
	n := binary.BigEndian.Uint64(b) >> (16 + accountShift) & (1<<accountBits - 1)
	account = fmt.Sprintf("%012d", n)
	return account, IsAccountID(account)
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
