package kms

import (
	"context"
	"fmt"
	"time"

	"coffer.example/internal/audit"
	"coffer.example/internal/iam"
)

// call is one operation while it runs: who asks, what has been found out, and what
// the audit event will say.
type call struct {
	k         *KMS
	c         Caller
	op        string
	at        time.Time
	principal iam.Principal
	identity  []iam.Named
	session   []iam.Named
	boundary  []iam.Named

	// For the event.
	params, response, extra any
	keys                    []*keyEntry // the keys concerned, once found
	decision                iam.Decision
	decided                 bool
	trace                   []string // of a denied request
	state                   KeyState // the key state that refused the request
	eventID                 string

	// Room for what every call needs, so that it is one allocation, and mostly none.
	asked     access
	request   iam.Request
	policies  iam.Policies
	condition conditions
	allowed   audit.Decision
	fields    audit.Fields
	fieldRoom [5]audit.Field
	keyRoom   [2]*keyEntry
	resources [2]audit.Resource
}

// perform runs an operation: fn does the work, then the audit event is recorded, and
// only then is there an answer.
func perform[T any](ctx context.Context, k *KMS, c Caller, op string, fn func(*call) (T, error)) (T, error) {
	cl, _ := k.calls.Get().(*call)
	if cl == nil {
		cl = new(call)
	}
	cl.begin(k, c, op)
	var out, none T
	err := cl.prepare()
	if err == nil {
		out, err = fn(cl)
	}
	err = cl.finish(ctx, err)
	*cl = call{} // nothing of one caller stays for the next
	k.calls.Put(cl)
	if err != nil {
		return none, err
	}
	return out, nil
}

// newCall is a call that is not made through perform.
func newCall(k *KMS, c Caller, op string) *call {
	cl := new(call)
	cl.begin(k, c, op)
	return cl
}

func (cl *call) begin(k *KMS, c Caller, op string) {
	cl.k, cl.c, cl.op, cl.at = k, c, op, k.now()
	cl.keys = cl.keyRoom[:0]
}

// run is perform for operations without an answer.
func run(ctx context.Context, k *KMS, c Caller, op string, fn func(*call) error) error {
	_, err := perform(ctx, k, c, op, func(cl *call) (struct{}, error) { return struct{}{}, fn(cl) })
	return err
}

// prepare checks the store and the caller, and parses the caller's policies.
func (cl *call) prepare() error {
	if err := cl.k.Failed(); err != nil {
		return err
	}
	if cl.c.Region == "" {
		cl.c.Region = cl.k.o.Region
	}
	if !validRegion(cl.c.Region) {
		return refuse(ErrValidation, "The Region is not valid.")
	}
	if !validAccount(cl.c.Account) {
		return refuse(ErrAccessDenied, "The caller has no account.")
	}
	c := &cl.c
	cl.principal = iam.Principal{Type: iam.PrincipalType(c.Type), Account: c.Account, ARN: c.ARN, RoleARN: c.RoleARN,
		UserID: c.UserID, UserName: c.UserName, Tags: c.Tags}
	var err error
	if cl.identity, err = cl.k.parsePolicies(c.Policies); err != nil {
		return err
	}
	if cl.session, err = cl.k.parsePolicies(c.SessionPolicies); err != nil {
		return err
	}
	cl.boundary, err = cl.k.parsePolicies(c.Boundary)
	return err
}

func (k *KMS) parsePolicies(policies []Policy) ([]iam.Named, error) {
	var out []iam.Named
	for _, p := range policies {
		parsed, err := k.policies.Parse(iam.IdentityPolicy, p.Document)
		if err != nil {
			return nil, fmt.Errorf("kms: %s of the caller: %w", p.Name, err)
		}
		out = append(out, iam.Named{Name: p.Name, Policy: parsed})
	}
	return out, nil
}

// access is one question to the policies.
type access struct {
	action string // "Decrypt"
	key    *keyEntry
	// resource is asked about where key is nil; empty means every resource.
	resource string
	alias    string // the alias that the request named the key by
	context  map[string]string
	// algorithm is that of a use of a symmetric key.
	algorithm string
	child     *iam.Grant          // the grant that CreateGrant asks for
	keys      map[string][]string // further condition keys, in lower case
	tags      []Tag               // tags in the request
	spec      *keyRecord          // the key that CreateKey asks for
}

// authorize refuses unless the policies, or a grant, allow a.
func (cl *call) authorize(ctx context.Context, a access) error {
	r, p, cond := cl.question(ctx, &a)
	grants, err := cl.decide(ctx, r, p, a.key)
	if err == nil {
		err = cond.err
	}
	if err != nil || cl.decision.Allowed {
		return err
	}
	cl.trace = traceOf(iam.Explain(r, p, grants))
	return &Error{Kind: ErrAccessDenied, Message: cl.decision.Message(r)}
}

func traceOf(d iam.Decision) (lines []string) {
	for _, step := range d.Trace {
		lines = append(lines, step.String())
	}
	return lines
}

// question puts a to the evaluation: the request and the policies that apply to it.
// They are the call's own until its next question.
func (cl *call) question(ctx context.Context, a *access) (*iam.Request, *iam.Policies, *conditions) {
	cl.asked = *a
	a = &cl.asked
	cl.condition = conditions{ctx: ctx, cl: cl, a: a}
	cond, r, p := &cl.condition, &cl.request, &cl.policies
	*r = iam.Request{
		Principal: cl.principal, Action: "kms:" + a.action, Resource: a.resource,
		Time: cl.at, Region: cl.c.Region, SourceIP: cl.c.SourceIP, UserAgent: cl.c.UserAgent,
		ViaService: cl.c.ViaService, TLS: !cl.c.Insecure, Keys: cond,
	}
	*p = iam.Policies{Rule: iam.IdentityOnly, Identity: cl.identity, Session: cl.session, Boundary: cl.boundary}
	if a.key != nil {
		r.Resource, r.ResourceAccount = a.key.arn, a.key.Account
		r.Grant = iam.GrantRequest{Operation: a.action, EncryptionContext: a.context, Child: a.child}
		p.Rule, p.Resource = iam.ResourceDecides, iam.Named{Name: keyPolicyName, Policy: a.key.policy}
	} else if r.Resource == "" {
		r.Resource = "*"
	}
	return r, p, cond
}

// keyPolicyName names a key's policy in decisions.
const keyPolicyName = "key policy default"

// decide evaluates without grants first: they can only add an Allow, so they are
// loaded only where one is missing.
func (cl *call) decide(ctx context.Context, r *iam.Request, p *iam.Policies, key *keyEntry) ([]iam.Grant, error) {
	cl.decision, cl.decided = iam.Evaluate(r, p, nil), true
	switch cl.decision.Reason {
	case iam.DeniedNoResourceAllow, iam.DeniedNoIdentityAllow, iam.DeniedNoSessionAllow, iam.DeniedNoBoundaryAllow:
	default:
		return nil, nil
	}
	if key == nil || !grantable(r.Grant.Operation) {
		return nil, nil
	}
	var grants []iam.Grant
	for _, form := range cl.principal.GranteeForms() {
		g, err := cl.k.grantsOf(ctx, granteeName{key.ID, form})
		if err != nil {
			return nil, err
		}
		grants = append(grants, g...)
	}
	if len(grants) > 0 {
		cl.decision = iam.Evaluate(r, p, grants)
	}
	return grants, nil
}

// requireState refuses unless the key is in one of the states.
func (cl *call) requireState(e *keyEntry, allowed ...KeyState) error {
	err := stateError(&e.keyRecord, allowed...)
	if err != nil {
		cl.state = e.State
	}
	return err
}

// stateError is AWS's refusal for a key that is in none of the allowed states.
func stateError(r *keyRecord, allowed ...KeyState) error {
	for _, s := range allowed {
		if r.State == s {
			return nil
		}
	}
	arn := keyARN(r.Account, r.Region, r.ID)
	switch r.State {
	case Disabled:
		return refuse(ErrDisabled, "%s is disabled.", arn)
	case PendingDeletion:
		return refuse(ErrInvalidState, "%s is pending deletion.", arn)
	case PendingImport:
		return refuse(ErrInvalidState, "%s is pending import.", arn)
	}
	return refuse(ErrInvalidState, "%s is not pending deletion.", arn)
}
