package iam

// miss says which element kept a statement from applying.
type miss struct {
	element string     // empty: the statement applies
	cond    *condition // the condition that failed
}

// applies reports how a statement applies to a request; the miss says why not. In an
// identity policy, which names no principal, a statement that applies gives matchDirect.
func (s *statement) applies(kind Kind, r *Request) (match, miss) {
	level := matchDirect
	if kind != IdentityPolicy {
		if level = s.principalMatch(&r.Principal); level == matchNone {
			if s.notPrinc {
				return matchNone, miss{element: "NotPrincipal"}
			}
			return matchNone, miss{element: "Principal"}
		}
	}
	if s.actionMatches(r.Action) == s.notAction {
		if s.notAction {
			return matchNone, miss{element: "NotAction"}
		}
		return matchNone, miss{element: "Action"}
	}
	if !s.resourceMatches(kind, r) {
		if s.notRes {
			return matchNone, miss{element: "NotResource"}
		}
		return matchNone, miss{element: "Resource"}
	}
	for i := range s.conditions {
		if c := &s.conditions[i]; !c.holds(r) {
			return matchNone, miss{element: "Condition", cond: c}
		}
	}
	return level, miss{}
}

// principalMatch says how the statement names p. A name in NotPrincipal exempts
// exactly the principal that it names.
func (s *statement) principalMatch(p *Principal) match {
	best := matchNone
	for i := range s.principals {
		best = max(best, s.principals[i].matches(p))
	}
	if !s.notPrinc {
		return p.own(best)
	}
	if p.own(best) >= matchDirect {
		return matchNone
	}
	return matchDirect
}

// own turns a match of the account into a direct one for the account's root itself.
func (p *Principal) own(m match) match {
	if m == matchAccount && p.Type == Root {
		return matchDirect
	}
	return m
}

func (s *statement) actionMatches(action string) bool {
	for i := range s.actions {
		if matchPattern(s.actions[i].compiled, action, true) {
			return true
		}
	}
	return false
}

// resourceMatches: a key policy's statement without Resource has no effect; one of a
// repository or role means the repository or role.
func (s *statement) resourceMatches(kind Kind, r *Request) bool {
	if s.resources == nil {
		return kind != KeyPolicy
	}
	for i := range s.resources {
		if compiled, ok := s.resources[i].expand(r); ok && matchPattern(compiled, r.Resource, false) {
			return !s.notRes
		}
	}
	return s.notRes
}
