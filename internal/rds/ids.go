package rds

import (
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// newResourceID draws the id of a database: its kind and 26 characters.
func (s *Service) newResourceID(kind Kind) (string, error) {
	b, err := s.draw(17)
	if err != nil {
		return "", err
	}
	return string(kind) + "-" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)[:26], nil
}

// newEngineID draws the id of a volume or snapshot of the engine, of the form that EC2 uses.
func (s *Service) newEngineID(prefix string) (string, error) {
	b, err := s.draw(9)
	if err != nil {
		return "", err
	}
	return prefix + hex.EncodeToString(b)[:17], nil
}

func (s *Service) draw(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.rand, b); err != nil {
		return nil, fmt.Errorf("rds: draw an id: %w", err)
	}
	return b, nil
}

// checkName checks the name of a new database or snapshot and returns it as it is kept.
func checkName(parameter, name string, longest int) (string, error) {
	bad := len(name) == 0 || len(name) > longest || strings.HasSuffix(name, "-") || strings.Contains(name, "--")
	for i, c := range name {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		bad = bad || !letter && (i == 0 || c != '-' && (c < '0' || c > '9'))
	}
	if bad {
		return "", invalid("The parameter %s is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.", parameter)
	}
	return strings.ToLower(name), nil
}
