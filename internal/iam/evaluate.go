package iam

// Rule says how the policy of a resource and the caller's identity policies combine
// inside one account. Across accounts both must allow, under every rule.
type Rule uint8

// The rules; the package comment has them in full.
const (
	IdentityOnly    Rule = iota // resources without a policy
	EitherAllows                // ECR repositories
	ResourceDecides             // KMS keys and role trust
)

// Policies are the documents that apply to a request.
type Policies struct {
	Rule     Rule
	Resource Named   // its Policy is nil if the resource has none
	Identity []Named // the caller's; the account root needs none
	Session  []Named // limit what a session may do; empty: no limit
	Boundary []Named // the caller's permissions boundary: limits its identity policies; empty: none
}

// Evaluate decides. It is pure: the same arguments give the same decision.
func Evaluate(r *Request, p *Policies, grants []Grant) Decision { return evaluate(r, p, grants, nil) }

// Explain is Evaluate with a trace of every statement and grant.
func Explain(r *Request, p *Policies, grants []Grant) Decision {
	t := &trace{}
	d := evaluate(r, p, grants, t)
	d.Trace = t.steps
	return d
}

// AllowsPutKeyPolicy is the lockout check: whether a key policy by itself would let
// the caller, or the caller's account, call kms:PutKeyPolicy. r.Action is ignored.
func AllowsPutKeyPolicy(r *Request, policy *Policy) bool {
	put := *r
	put.Action = "kms:PutKeyPolicy"
	v := scan(&put, Named{Policy: policy}, nil)
	return !v.denied && v.level > matchNone
}

// verdict is what one policy, or several of a kind, say about a request.
type verdict struct {
	denied bool
	deny   StatementRef
	level  match // of the best allow
	allow  StatementRef
}

// scan asks every statement of a policy, until one denies (all, for a trace).
func scan(r *Request, n Named, t *trace) (v verdict) {
	if n.Policy == nil {
		return v
	}
	for i := range n.Policy.statements {
		s := &n.Policy.statements[i]
		level, why := s.applies(n.Policy.kind, r)
		t.statement(n, i, level, why)
		switch {
		case level == matchNone:
		case s.deny && !v.denied:
			v.denied, v.deny = true, StatementRef{n.Name, s.sid, i}
			if t == nil {
				return v
			}
		case !s.deny && level > v.level:
			v.level, v.allow = level, StatementRef{n.Name, s.sid, i}
		}
	}
	return v
}

func scanAll(r *Request, list []Named, t *trace) (v verdict) {
	for _, n := range list {
		one := scan(r, n, t)
		if one.denied && !v.denied {
			v.denied, v.deny = true, one.deny
		}
		if one.level > v.level {
			v.level, v.allow = one.level, one.allow
		}
	}
	return v
}

// evidence is everything that the documents and grants say about a request.
type evidence struct {
	resource verdict
	identity verdict
	session  verdict
	limited  bool // session policies limit the caller
	boundary verdict
	bounded  bool // a permissions boundary limits the caller
	grant    match
	grantID  string
}

func evaluate(r *Request, p *Policies, grants []Grant, t *trace) Decision {
	e := evidence{
		resource: scan(r, p.Resource, t),
		identity: scanAll(r, p.Identity, t),
		session:  scanAll(r, p.Session, t),
		limited:  len(p.Session) > 0,
		boundary: scanAll(r, p.Boundary, t),
		bounded:  len(p.Boundary) > 0,
	}
	switch {
	case e.resource.denied:
		return Decision{Reason: DeniedByResource, Resource: e.resource.deny}
	case e.identity.denied:
		return Decision{Reason: DeniedByIdentity, Identity: e.identity.deny}
	case e.session.denied:
		return Decision{Reason: DeniedBySession, Identity: e.session.deny}
	case e.boundary.denied:
		return Decision{Reason: DeniedByBoundary, Identity: e.boundary.deny}
	}
	if p.Rule == ResourceDecides {
		e.grant, e.grantID = scanGrants(r, grants, t)
	}
	// A service that belongs to no account has no identity policies anywhere.
	if r.owner() != r.Principal.Account && r.Principal.Account != "" {
		return e.acrossAccounts(r)
	}
	return e.insideAccount(r, p.Rule)
}

func scanGrants(r *Request, grants []Grant, t *trace) (best match, id string) {
	if r.Grant.Operation == "" {
		return matchNone, ""
	}
	for i := range grants {
		level, why := grants[i].allows(&r.Principal, &r.Grant)
		t.grant(&grants[i], level, why)
		if level > best {
			best, id = level, grants[i].ID
			// A session may find a grant to itself, which its session policies do not limit.
			if t == nil && (best == matchSession || best == matchDirect && r.Principal.Type != AssumedRole) {
				break
			}
		}
	}
	return best, id
}

// identityAllows says whether the caller's side allows by identity policies (or by being the root), before session policies.
func (e *evidence) identityAllows(r *Request) bool {
	return r.Principal.Type == Root || e.identity.level > matchNone
}

// stopped is the reason why a limit on the caller lets what was allowed at a level
// come to nothing, or 0. A permission given to the session itself is limited by
// nothing, one given to a user itself not by the user's boundary.
func (e *evidence) stopped(p *Principal, level match, byIdentity bool) Reason {
	switch {
	case e.bounded && e.boundary.level == matchNone && (byIdentity || level != matchSession && p.Type != IAMUser):
		return DeniedNoBoundaryAllow
	case e.limited && e.session.level == matchNone && level != matchSession:
		return DeniedNoSessionAllow
	}
	return 0
}

func (e *evidence) insideAccount(r *Request, rule Rule) Decision {
	p := &r.Principal
	if rule != IdentityOnly && e.resource.level >= matchDirect && e.stopped(p, e.resource.level, false) == 0 {
		return Decision{Allowed: true, Reason: AllowedByResource, Resource: e.resource.allow}
	}
	if e.grant >= matchDirect && e.stopped(p, e.grant, false) == 0 {
		return Decision{Allowed: true, Reason: AllowedByGrant, GrantID: e.grantID}
	}
	delegated := rule != ResourceDecides || e.resource.level == matchAccount
	switch {
	case rule == ResourceDecides && e.resource.level == matchNone && e.grant == matchNone:
		return Decision{Reason: DeniedNoResourceAllow}
	case !e.identityAllows(r):
		if e.resource.level >= matchDirect || e.grant >= matchDirect {
			return Decision{Reason: e.stopped(p, matchDirect, false), Resource: e.resource.allow, GrantID: e.grantID}
		}
		return Decision{Reason: DeniedNoIdentityAllow, Resource: e.resource.allow, GrantID: e.grantID}
	case e.stopped(p, matchDirect, true) != 0:
		return Decision{Reason: e.stopped(p, matchDirect, true), Resource: e.resource.allow, Identity: e.identity.allow, GrantID: e.grantID}
	case delegated && r.Principal.Type == Root:
		return Decision{Allowed: true, Reason: AllowedByRoot, Resource: e.resource.allow}
	case delegated:
		return Decision{Allowed: true, Reason: AllowedByIdentity, Resource: e.resource.allow, Identity: e.identity.allow}
	}
	return Decision{Allowed: true, Reason: AllowedByGrant, Identity: e.identity.allow, GrantID: e.grantID}
}

func (e *evidence) acrossAccounts(r *Request) Decision {
	p := &r.Principal
	d := Decision{Resource: e.resource.allow, Identity: e.identity.allow}
	if e.resource.level == matchNone {
		d.GrantID = e.grantID
	}
	switch {
	case e.resource.level == matchNone && e.grant == matchNone:
		d.Reason = DeniedNoResourceAllow
		return d
	case p.serviceRole() || p.Type == Service:
		// It has no identity policies in its account: what names it directly is enough.
		if max(e.resource.level, e.grant) < matchDirect {
			d.Reason = DeniedNoIdentityAllow
			return d
		}
	case !e.identityAllows(r):
		d.Reason = DeniedNoIdentityAllow
		return d
	case e.stopped(p, matchDirect, true) != 0:
		d.Reason = e.stopped(p, matchDirect, true)
		return d
	}
	d.Allowed = true
	switch {
	case e.resource.level == matchNone:
		d.Reason = AllowedByGrant
	case p.Type == Root || p.Type == Service || p.serviceRole():
		d.Reason = AllowedByResource
	default:
		d.Reason = AllowedByIdentity
	}
	return d
}
