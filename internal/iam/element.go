package iam

import "strings"

// match says how closely a statement or grant names a principal.
type match uint8

const (
	matchNone    match = iota
	matchAccount       // names the principal's account, which may pass the permission on
	matchDirect        // names the principal (or its role), or everyone
	matchSession       // names this very session by its ARN
)

// principalEntry is one name in a Principal or NotPrincipal element.
type principalEntry struct {
	class  string // AWS, Service, Federated, CanonicalUser
	source string // as written
	any    bool   // "*"
	arn    string // of an account its root ARN
	id     string // a unique id, AIDA… or AROA…
}

func parsePrincipal(class, source string) (principalEntry, error) {
	e := principalEntry{class: class, source: source}
	switch class {
	case "AWS":
	case "Service":
		if !strings.Contains(source, ".") || strings.ContainsAny(source, "*?/ ") {
			return e, malformed("invalid service principal %q", source)
		}
		e.arn = source
		return e, nil
	case "Federated", "CanonicalUser":
		if source == "" || strings.ContainsAny(source, "*?") {
			return e, malformed("invalid principal %q", source)
		}
		return e, nil
	default:
		return e, malformed("unknown principal type %q", class)
	}
	switch {
	case source == "*":
		e.any = true
		return e, nil
	case isUniqueID(source):
		e.id = source
		return e, nil
	}
	arn, err := NormalizePrincipal(source)
	if err != nil {
		return e, malformed("invalid principal %q", source)
	}
	e.arn = arn
	return e, nil
}

// matches says how e names p.
func (e *principalEntry) matches(p *Principal) match {
	switch {
	case e.class == "Service":
		if p.Type == Service && p.ARN == e.arn {
			return matchDirect
		}
		return matchNone
	case e.class != "AWS":
		return matchNone
	case e.any:
		return matchDirect
	case e.id != "":
		// A session's user id is its role's id, a colon, and its name.
		id, _, _ := strings.Cut(p.UserID, ":")
		if id == e.id {
			return matchDirect
		}
		return matchNone
	}
	return p.named(e.arn)
}

// named says how a normalised ARN names p.
func (p *Principal) named(arn string) match {
	switch {
	case arn == p.ARN && p.Type == AssumedRole && arn != p.RoleARN:
		return matchSession
	case arn == p.ARN:
		return matchDirect
	case isRootOf(arn, p.Account):
		return matchAccount
	case p.Type == AssumedRole && arn == p.Issuer():
		return matchDirect
	}
	return matchNone
}

// checkAction refuses what cannot be an action: "*" and vendor:name are, with
// wildcards in the name.
func checkAction(s string) error {
	vendor, name, ok := strings.Cut(s, ":")
	switch {
	case s == "*" || s == "*:*":
		return nil
	case !ok:
		return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: %q", s)
	case vendor == "" || !only(vendor, "-"):
		return malformed("Vendor %s is not valid", vendor)
	case name == "" || !only(name, "*?_-"):
		return malformed("invalid action %q", s)
	}
	return nil
}

// checkResource refuses what is neither "*" nor an ARN.
func checkResource(s string) error {
	if s == "*" || strings.HasPrefix(s, "arn:") {
		return nil
	}
	return malformed("Resource %s must be in ARN format or \"*\".", s)
}

// only reports whether s has ASCII letters, digits and the characters of extra alone.
func only(s, extra string) bool {
	for i := range len(s) {
		c := s[i]
		lower := c | 0x20
		if (c < '0' || c > '9') && (lower < 'a' || lower > 'z') && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return true
}
