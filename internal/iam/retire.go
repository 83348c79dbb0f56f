package iam

// EvaluateRetire decides who may retire a grant: its retiring principal; its grantee,
// if the grant allows RetireGrant; the account that issued it, that is its root, and
// others of it by an identity policy. An Allow in a key policy is void here, a Deny is not.
func EvaluateRetire(r *Request, p *Policies, g *Grant) Decision {
	resource := scan(r, p.Resource, nil)
	identity := scanAll(r, p.Identity, nil)
	session := scanAll(r, p.Session, nil)
	boundary := scanAll(r, p.Boundary, nil)
	switch {
	case resource.denied:
		return Decision{Reason: DeniedByResource, Resource: resource.deny}
	case identity.denied:
		return Decision{Reason: DeniedByIdentity, Identity: identity.deny}
	case session.denied:
		return Decision{Reason: DeniedBySession, Identity: session.deny}
	case boundary.denied:
		return Decision{Reason: DeniedByBoundary, Identity: boundary.deny}
	}
	caller := &r.Principal
	level := matchNone
	if g.Retiring != "" {
		level = caller.own(caller.named(g.Retiring))
	}
	if g.has("RetireGrant") {
		level = max(level, caller.own(caller.named(g.Grantee)))
	}
	e := evidence{session: session, limited: len(p.Session) > 0, boundary: boundary, bounded: len(p.Boundary) > 0}
	if level >= matchDirect {
		if why := e.stopped(caller, level, false); why != 0 {
			return Decision{Reason: why, GrantID: g.ID}
		}
		return Decision{Allowed: true, Reason: AllowedByGrant, GrantID: g.ID}
	}
	issuer := caller.Account != "" && caller.Account == g.IssuingAccount
	switch {
	case level == matchNone && !issuer:
		return Decision{Reason: DeniedNoResourceAllow}
	case caller.Type == Root:
		return Decision{Allowed: true, Reason: AllowedByRoot}
	case identity.level == matchNone:
		return Decision{Reason: DeniedNoIdentityAllow, GrantID: g.ID}
	case e.stopped(caller, matchDirect, true) != 0:
		return Decision{Reason: e.stopped(caller, matchDirect, true), GrantID: g.ID}
	}
	return Decision{Allowed: true, Reason: AllowedByIdentity, Identity: identity.allow}
}
