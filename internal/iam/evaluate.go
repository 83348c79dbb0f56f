package iam

// Rule says how the policy of a resource and the caller's identity policies combine
// inside one account. Across accounts both must allow, under every rule.
type Rule uint8

// The rules.
const (
	// IdentityOnly is for resources without a policy: an identity policy must allow.
	IdentityOnly Rule = iota
	// EitherAllows is for ECR repositories: the resource's policy or an identity policy must allow.
	EitherAllows
	// ResourceDecides is for KMS keys and role trust: the resource's policy must allow the
	// principal, or allow its account and an identity policy the principal. Grants apply.
	ResourceDecides
)

// Policies are the documents that apply to a request.
type Policies struct {
	Rule     Rule
	Resource Named   // Policy is nil if the resource has none
	Identity []Named // the caller's; the account root needs none
	Session  []Named // session policies limit what Identity and Resource allow; empty: no limit
}

// StatementRef names a statement of a policy. The zero value names none.
type StatementRef struct {
	Policy string // Named.Name
	Sid    string
	Index  int // from 0
}

// Reason says what decided.
type Reason uint8

// The reasons. Those up to AllowedByRoot allow.
const (
	AllowedByResource           Reason = iota + 1 // the resource's policy allows the principal
	AllowedByIdentity                             // an identity policy allows (with the resource's policy where the rule or another account needs it)
	AllowedByGrant                                // a grant allows
	AllowedByRoot                                 // the account root may do what its account may
	DeniedByResource                              // explicit deny in the resource's policy
	DeniedByIdentity                              // explicit deny in an identity policy
	DeniedBySession                               // explicit deny in a session policy
	DeniedNoResourceAllow                         // no statement of the resource's policy, and no grant, allows
	DeniedNoIdentityAllow                         // no identity policy allows
	DeniedNoSessionAllow                          // no session policy allows
)

// Decision is the answer to a request, with its reason.
type Decision struct {
	Allowed  bool
	Reason   Reason
	Resource StatementRef // the statement of the resource's policy that took part
	Identity StatementRef // the statement of an identity or session policy that took part
	GrantID  string       // the grant that took part
	Trace    []Step       // only from Explain
}

// Step is one line of an explanation.
type Step struct {
	Where   StatementRef // or the grant
	GrantID string
	Effect  string // Allow, Deny, or empty
	Matched bool
	Why     string // "matches", "Action does not match", "condition StringEquals kms:ViaService: …"
}

// Evaluate decides. It is pure: the same arguments give the same decision.
func Evaluate(r *Request, p *Policies, grants []Grant) Decision { return evaluate(r, p, grants, nil) }

// Explain is Evaluate with a trace of every statement and grant.
func Explain(r *Request, p *Policies, grants []Grant) Decision {
	d := evaluate(r, p, grants, nil)
	return d
}

// AllowsPutKeyPolicy is the lockout check: whether a key policy, as it stands, would let
// the caller (or the caller's account, whose identity policies then decide) call
// kms:PutKeyPolicy. r.Action is ignored.
func AllowsPutKeyPolicy(r *Request, policy *Policy) bool { return false }

// Because ends AWS's AccessDenied message: "because no identity-based policy allows
// the kms:Decrypt action", "with an explicit deny in a resource-based policy".
func (d *Decision) Because(action string) string { return "" }

// Message is AWS's AccessDenied message.
func (d *Decision) Message(r *Request) string { return "" }

// String is one sentence for the audit event: which statement, grant or missing allow decided.
func (d *Decision) String() string { return "" }

type trace struct{ steps []Step }

func evaluate(r *Request, p *Policies, grants []Grant, t *trace) Decision { return Decision{} }
