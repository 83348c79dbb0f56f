package main

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"math/big"
	"regexp"
)

// The forms of an account's numbers and keys, as AWS's clients expect them.
var (
	accountForm   = regexp.MustCompile(`^[0-9]{12}$`)
	accessKeyForm = regexp.MustCompile(`^[A-Za-z0-9_]{3,128}$`)
)

const (
	accountRange      = 1_000_000_000_000 // 12 digits
	accessKeyPrefix   = "AKIA"            // a permanent key
	accessKeyRandom   = 10                // bytes; 16 characters of base32
	secretRandom      = 30                // bytes; 40 characters of base64
	minSecret         = 1
	maxSecret         = 256
	leadingDigitFloor = accountRange / 10 // so that a random number has no leading zero to lose in a spreadsheet
)

// complete draws what was not given and refuses what no client could use.
func (a *account) complete() error {
	if a.ID == "" {
		n, err := rand.Int(rand.Reader, big.NewInt(accountRange-leadingDigitFloor))
		if err != nil {
			return err
		}
		a.ID = fmt.Sprintf("%012d", n.Int64()+leadingDigitFloor)
	}
	if a.AccessKeyID == "" {
		a.AccessKeyID = accessKeyPrefix + base32.StdEncoding.EncodeToString(randomBytes(accessKeyRandom))
	}
	if a.SecretAccessKey == "" {
		a.SecretAccessKey = base64.StdEncoding.EncodeToString(randomBytes(secretRandom))
	}
	switch {
	case !accountForm.MatchString(a.ID):
		return usagef("--account-id %q is not a number of 12 digits", a.ID)
	case !accessKeyForm.MatchString(a.AccessKeyID):
		return usagef("--access-key-id must be 3 to 128 letters, digits and underscores")
	case len(a.SecretAccessKey) < minSecret || len(a.SecretAccessKey) > maxSecret:
		return usagef("--secret-access-key must be %d to %d bytes", minSecret, maxSecret)
	}
	return nil
}

// randomBytes returns n random bytes; crypto/rand ends the process rather than fail.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// newRequestID draws a UUID (RFC 9562, version 4) for a request that no front end has numbered.
func newRequestID() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
