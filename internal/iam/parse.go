package iam

import (
	"fmt"
)

// Parse reads a policy document strictly, by the rules of its kind. It returns an
// error that wraps ErrMalformedPolicy or ErrPolicyTooLarge.
func Parse(kind Kind, text []byte) (*Policy, error) {
	if err := checkSize(kind, text); err != nil {
		return nil, err
	}
	v, err := decodeStrict(text)
	if err != nil {
		return nil, err
	}
	if v.kind != '{' {
		return nil, malformed("the document is not a JSON object")
	}
	p := &Policy{kind: kind}
	var statements *jsonValue
	for i := range v.members {
		m := &v.members[i]
		switch m.name {
		case "Version":
			p.version, err = stringValue(m)
		case "Id":
			p.id, err = stringValue(m)
		case "Statement":
			statements = &m.value
		default:
			err = malformed("unknown element %q", m.name)
		}
		if err != nil {
			return nil, err
		}
	}
	if p.version != "" && p.version != versionOld && p.version != versionCurrent {
		return nil, malformed("The policy must contain a valid version string")
	}
	if statements == nil {
		return nil, malformed("Missing required field Statement")
	}
	return p, p.parseStatements(statements)
}

func checkSize(kind Kind, text []byte) error {
	if len(text) > MaxPolicyText {
		return refuse(ErrPolicyTooLarge, "more than %d bytes", MaxPolicyText)
	}
	n, limit := len(text), 0
	switch kind {
	case KeyPolicy:
		limit = MaxKeyPolicy
	case RepositoryPolicy:
		limit = MaxRepositoryPolicy
	case TrustPolicy:
		n, limit = PolicySize(string(text)), MaxTrustPolicy
	case IdentityPolicy:
		n, limit = PolicySize(string(text)), MaxIdentityPolicy
	default:
		panic("iam: unknown kind of policy")
	}
	if n > limit {
		return refuse(ErrPolicyTooLarge, "more than %d bytes", limit)
	}
	return nil
}

// PolicySize returns the size of a document as IAM's quotas count it: without white space.
func PolicySize(text string) int {
	n := 0
	for i := range len(text) {
		switch text[i] {
		case ' ', '\t', '\n', '\r':
		default:
			n++
		}
	}
	return n
}

func (p *Policy) parseStatements(v *jsonValue) error {
	items := v.items
	switch v.kind {
	case '{':
		items = []jsonValue{*v}
	case '[':
	default:
		return malformed("Statement is neither an object nor an array")
	}
	if len(items) == 0 {
		return malformed("Statement is empty")
	}
	sids := map[string]bool{}
	for i := range items {
		s, err := p.parseStatement(&items[i])
		if err != nil {
			return fmt.Errorf("%w (statement %d)", err, i)
		}
		if s.sid != "" && sids[s.sid] {
			return malformed("Statement IDs (SID) in a single policy must be unique.")
		}
		sids[s.sid] = true
		p.statements = append(p.statements, s)
	}
	return nil
}

func stringValue(m *jsonMember) (string, error) {
	if m.value.kind != 's' {
		return "", malformed("%s is not a string", m.name)
	}
	return m.value.text, nil
}

// stringList reads a string or an array of at least one string.
func stringList(name string, v *jsonValue) ([]string, error) {
	if v.kind == 's' {
		return []string{v.text}, nil
	}
	if v.kind != '[' || len(v.items) == 0 {
		return nil, malformed("%s is neither a string nor an array of strings", name)
	}
	out := make([]string, 0, len(v.items))
	for i := range v.items {
		if v.items[i].kind != 's' {
			return nil, malformed("%s has a value that is not a string", name)
		}
		out = append(out, v.items[i].text)
	}
	return out, nil
}
