package kms

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"coffer.example/aead"
)

// newUUID draws a version 4 UUID (RFC 9562) in lower case.
func newUUID(rand io.Reader) (string, error) {
	var b aead.ID
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("kms: draw id: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return formatUUID(b), nil
}

func formatUUID(b aead.ID) string {
	var s [36]byte
	hex.Encode(s[:], b[:4])
	hex.Encode(s[9:], b[4:6])
	hex.Encode(s[14:], b[6:8])
	hex.Encode(s[19:], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// parseUUID reads the one form that formatUUID writes.
func parseUUID(s string) (id aead.ID, ok bool) {
	if len(s) != 36 {
		return id, false
	}
	b, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	if err != nil || len(b) != len(id) {
		return id, false
	}
	copy(id[:], b)
	return id, formatUUID(id) == s
}

// newHexID draws 32 random bytes: a material id or grant id, 64 hexadecimal digits.
func newHexID(rand io.Reader) (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("kms: draw id: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

func parseHexID(s string) (id [32]byte, ok bool) {
	n, err := hex.Decode(id[:], []byte(s[:min(len(s), 64)]))
	return id, err == nil && n == len(id) && len(s) == 64 && strings.ToLower(s) == s
}

func keyARN(account, region, id string) string {
	return "arn:aws:kms:" + region + ":" + account + ":key/" + id
}

func aliasARN(account, region, name string) string {
	return "arn:aws:kms:" + region + ":" + account + ":" + name
}

func rootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// validAccount says whether s is 12 digits.
func validAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

const maxRegionLength = 32

// validRegion says whether s can be the name of a Region, and hence a part of a metadata name.
func validRegion(s string) bool {
	return s != "" && len(s) <= maxRegionLength && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
