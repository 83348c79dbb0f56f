package iam

import (
	"fmt"
	"strings"
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
		return fmt.Errorf("%w: more than %d bytes", ErrPolicyTooLarge, MaxPolicyText)
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
		return fmt.Errorf("%w: more than %d bytes", ErrPolicyTooLarge, limit)
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

func (p *Policy) parseStatement(v *jsonValue) (statement, error) {
	var s statement
	if v.kind != '{' {
		return s, malformed("a statement is not an object")
	}
	var has elements
	for i := range v.members {
		if err := p.parseElement(&s, &v.members[i], &has); err != nil {
			return s, err
		}
	}
	return s, p.checkStatement(&s, has)
}

// elements says which elements a statement has.
type elements struct{ effect, principal, action, resource bool }

func (p *Policy) parseElement(s *statement, m *jsonMember, has *elements) (err error) {
	negated := strings.HasPrefix(m.name, "Not")
	switch m.name {
	case "Sid":
		s.sid, err = stringValue(m)
	case "Effect":
		has.effect = true
		var effect string
		effect, err = stringValue(m)
		s.deny = effect == "Deny"
		if err == nil && !s.deny && effect != "Allow" {
			err = malformed("invalid Effect %q", effect)
		}
	case "Principal", "NotPrincipal":
		if has.principal {
			return malformed("both Principal and NotPrincipal")
		}
		has.principal, s.notPrinc = true, negated
		s.principals, err = parsePrincipals(&m.value)
	case "Action", "NotAction":
		if has.action {
			return malformed("both Action and NotAction")
		}
		has.action, s.notAction = true, negated
		s.actions, err = p.parsePatterns(m, checkAction, false)
	case "Resource", "NotResource":
		if has.resource {
			return malformed("both Resource and NotResource")
		}
		has.resource, s.notRes = true, negated
		s.resources, err = p.parsePatterns(m, checkResource, p.version == versionCurrent)
	case "Condition":
		s.conditions, err = parseConditions(&m.value, p.version == versionCurrent)
	default:
		err = malformed("unknown element %q", m.name)
	}
	return err
}

// checkStatement applies the rules of the policy's kind.
func (p *Policy) checkStatement(s *statement, has elements) error {
	switch {
	case !has.effect:
		return malformed("Missing required field Effect")
	case !has.action:
		return malformed("Policy statement must contain actions.")
	case s.notPrinc && !s.deny:
		return malformed("NotPrincipal goes with Deny only")
	}
	if p.kind == IdentityPolicy {
		switch {
		case has.principal:
			return malformed("Policy document should not specify a principal.")
		case !has.resource:
			return malformed("Policy statement must contain resources.")
		case !only(s.sid, ""):
			return malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		}
		return nil
	}
	if !has.principal {
		return malformed("Missing required field Principal")
	}
	if p.kind == TrustPolicy {
		if has.resource {
			return malformed("Has prohibited field Resource")
		}
		if s.notPrinc {
			return malformed("Has prohibited field NotPrincipal")
		}
		for _, a := range s.actions {
			if vendor, _, _ := strings.Cut(a.source, ":"); !strings.EqualFold(vendor, "sts") {
				return malformed("AssumeRole policy may only specify STS AssumeRole actions.")
			}
		}
	}
	return nil
}

func (p *Policy) parsePatterns(m *jsonMember, check func(string) error, variables bool) ([]pattern, error) {
	list, err := stringList(m.name, &m.value)
	if err != nil {
		return nil, err
	}
	out := make([]pattern, 0, len(list))
	for _, text := range list {
		if err := check(text); err != nil {
			return nil, err
		}
		pat, err := compilePattern(text, true, variables)
		if err != nil {
			return nil, err
		}
		out = append(out, pat)
	}
	return out, nil
}

func parsePrincipals(v *jsonValue) ([]principalEntry, error) {
	if v.kind == 's' {
		if v.text != "*" {
			return nil, malformed("Invalid principal in policy: %q", v.text)
		}
		return []principalEntry{{class: "AWS", source: "*", any: true}}, nil
	}
	if v.kind != '{' || len(v.members) == 0 {
		return nil, malformed("Principal is neither \"*\" nor an object with members")
	}
	var out []principalEntry
	for i := range v.members {
		m := &v.members[i]
		list, err := stringList(m.name, &m.value)
		if err != nil {
			return nil, err
		}
		for _, source := range list {
			e, err := parsePrincipal(m.name, source)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	return out, nil
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
