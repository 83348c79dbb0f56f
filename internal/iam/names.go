package iam

import (
	"strings"
	"unicode/utf8"
)

// Limits of the directory, IAM's quotas unless said otherwise.
const (
	maxEntityName       = 64
	maxPolicyName       = 128
	maxPath             = 512
	maxDescription      = 1000
	maxTags             = 50
	maxTagName          = 128
	maxTagValue         = 256
	maxAccessKeyID      = 128
	maxSecret           = 128
	maxUserAccessKeys   = 2
	maxAttachedPolicies = 10
	maxPolicyVersions   = 5
	maxSessionPolicies  = 10
	// maxProfilesOfRole is not IAM's: it keeps the role's record small.
	maxProfilesOfRole = 100
)

// checkName checks [\w+=,.@-]+ of at most limit characters.
func checkName(s string, limit int) error {
	if s == "" || len(s) > limit || !only(s, "_+=,.@-") {
		return refuse(ErrInvalid, "The specified value for name is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-, and have 1 to %d of them", limit)
	}
	return nil
}

// checkPath checks "/" or /…/ of printable ASCII.
func checkPath(s string) error {
	ok := len(s) <= maxPath && strings.HasPrefix(s, "/") && strings.HasSuffix(s, "/")
	for i := range len(s) {
		ok = ok && s[i] > 0x20 && s[i] < 0x7f
	}
	if !ok {
		return refuse(ErrInvalid, "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return nil
}

// checkAccessKeyID checks \w+. IAM's own have 20 characters; an operator may choose others.
func checkAccessKeyID(s string) error {
	if s == "" || len(s) > maxAccessKeyID || !only(s, "_") {
		return refuse(ErrInvalid, "an access key id has 1 to %d letters, digits and underscores", maxAccessKeyID)
	}
	return nil
}

func checkSecret(s string) error {
	ok := s != "" && len(s) <= maxSecret
	for i := range len(s) {
		ok = ok && s[i] > 0x20 && s[i] < 0x7f
	}
	if !ok {
		return refuse(ErrInvalid, "a secret access key has 1 to %d printable ASCII characters", maxSecret)
	}
	return nil
}

func checkEntity(e *Entity) error {
	if e.Kind != User && e.Kind != Role {
		return refuse(ErrInvalid, "kind %q", e.Kind)
	}
	if !IsAccountID(e.Account) {
		return refuse(ErrInvalid, "account id %q is not 12 digits", e.Account)
	}
	if err := checkName(e.Name, maxEntityName); err != nil {
		return err
	}
	if err := checkPath(e.Path); err != nil {
		return err
	}
	if err := checkTags(e.Tags); err != nil {
		return err
	}
	if e.Kind == User {
		return nil
	}
	if len(e.Description) > maxDescription || !utf8.ValidString(e.Description) {
		return refuse(ErrInvalid, "a description has at most %d characters", maxDescription)
	}
	if e.MaxSessionDuration < DefaultMaxSession || e.MaxSessionDuration > MaxMaxSessionDuration {
		return refuse(ErrInvalid, "MaxSessionDuration is between %v and %v", DefaultMaxSession, MaxMaxSessionDuration)
	}
	_, err := Parse(TrustPolicy, []byte(e.Trust))
	return err
}
