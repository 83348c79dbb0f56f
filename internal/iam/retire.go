package iam

// EvaluateRetire decides who may retire a grant: its retiring principal; its grantee,
// if the grant allows RetireGrant; the account that issued it, that is its root, and
// others of it by an identity policy. An Allow in a key policy is void here, a Deny is not.
func EvaluateRetire(r *Request, p *Policies, g *Grant) Decision {
	resource := scan(r, p.Resource, nil)
	identity := scanAll(r, p.Identity, nil)
	session := scanAll(r, p.Session, nil)
	switch {
	case resource.denied:
		return Decision{Reason: DeniedByResource, Resource: resource.deny}
	case identity.denied:
		return Decision{Reason: DeniedByIdentity, Identity: identity.deny}
	case session.denied:
		return Decision{Reason: DeniedBySession, Identity: session.deny}
	}
	caller := &r.Principal
	level := matchNone
	if g.Retiring != "" {
		level = caller.own(caller.named(g.Retiring))
	}
	if g.has("RetireGrant") {
		level = max(level, caller.own(caller.named(g.Grantee)))
	}
	limited := len(p.Session) > 0 && session.level == matchNone
	switch {
	case level == matchSession, level == matchDirect && !limited:
		return Decision{Allowed: true, Reason: AllowedByGrant, GrantID: g.ID}
	case level == matchDirect:
		return Decision{Reason: DeniedNoSessionAllow, GrantID: g.ID}
	}
	issuer := caller.Account != "" && caller.Account == g.IssuingAccount
	switch {
	case level == matchNone && !issuer:
		return Decision{Reason: DeniedNoResourceAllow}
	case caller.Type == Root:
		return Decision{Allowed: true, Reason: AllowedByRoot}
	case identity.level == matchNone:
		return Decision{Reason: DeniedNoIdentityAllow, GrantID: g.ID}
	case limited:
		return Decision{Reason: DeniedNoSessionAllow, GrantID: g.ID}
	}
	return Decision{Allowed: true, Reason: AllowedByIdentity, Identity: identity.allow}
}
