package iam

import (
	"strings"
)

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
