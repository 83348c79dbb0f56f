package awsapi

import (
	"fmt"

	"coffer.example/internal/audit"
	"coffer.example/internal/iam"
	"coffer.example/kms"
)

// authorizerCacheBytes bounds the parsed policies that an Authorizer keeps, by their text.
const authorizerCacheBytes = 1 << 20

// Authorizer asks the identity policies of a request's principal, for services whose
// resources have no policies of their own or whose policy the caller brings.
type Authorizer struct{ cache *iam.Cache }

// NewAuthorizer returns an Authorizer.
func NewAuthorizer() *Authorizer { return &Authorizer{iam.NewCache(authorizerCacheBytes)} }

// Access is one thing that a request needs permission for.
type Access struct {
	Action   string // such as iam:CreateUser
	Resource string // ARN, or "*"
	Owner    string // the resource's account; empty: the caller's
	Keys     iam.ConditionKeys
	// Rule and Policy are of the resource; a nil Policy means that it has none.
	Rule   iam.Rule
	Policy *iam.Policy
}

// Decide evaluates the policies that apply to an access.
func (a *Authorizer) Decide(r *Request, access Access) (iam.Decision, *iam.Request, error) {
	policies := &iam.Policies{Rule: access.Rule, Resource: iam.Named{Name: "the policy of " + access.Resource, Policy: access.Policy}}
	var err error
	if policies.Identity, err = a.parse(r.Principal.Policies); err != nil {
		return iam.Decision{}, nil, err
	}
	if policies.Session, err = a.parse(r.Principal.SessionPolicies); err != nil {
		return iam.Decision{}, nil, err
	}
	if policies.Boundary, err = a.parse(r.Principal.Boundary); err != nil {
		return iam.Decision{}, nil, err
	}
	p := r.Principal
	request := &iam.Request{
		Principal: iam.Principal{
			Type: iam.PrincipalType(p.Type), Account: p.Account, ARN: p.ARN, RoleARN: p.RoleARN,
			UserID: p.UserID, UserName: p.UserName, Tags: p.Tags,
		},
		Action: access.Action, Resource: access.Resource, ResourceAccount: access.Owner, Keys: access.Keys,
		Time: r.Time, Region: r.Region, SourceIP: r.SourceIP, UserAgent: r.UserAgent, TLS: r.HTTP.TLS != nil,
	}
	decision := iam.Evaluate(request, policies, nil)
	if !decision.Allowed {
		decision = iam.Explain(request, policies, nil) // again, to tell the audit event why
	}
	r.Decided(&decision)
	return decision, request, nil
}

// Decided keeps a decision for the request's audit event. The last one counts: the
// refusal, or the permission of the last thing that was asked.
func (r *Request) Decided(d *iam.Decision) {
	r.decision = &audit.Decision{Result: "Deny", Reason: d.String(), Grant: d.GrantID}
	if d.Allowed {
		r.decision.Result = "Allow"
	}
	if at := d.Deciding(); !at.IsZero() {
		r.decision.Policy, r.decision.Sid = at.Policy, at.Sid
	}
	for _, step := range d.Trace {
		r.decision.Trace = append(r.decision.Trace, step.String())
	}
}

// Check is Decide, with AWS's AccessDenied of the Query protocol for a refusal.
func (a *Authorizer) Check(r *Request, access Access) error {
	decision, request, err := a.Decide(r, access)
	if err != nil || decision.Allowed {
		return err
	}
	return &Error{Code: "AccessDenied", Status: 403, Message: decision.Message(request)}
}

func (a *Authorizer) parse(from []kms.Policy) ([]iam.Named, error) {
	var out []iam.Named
	for _, p := range from {
		parsed, err := a.cache.Parse(iam.IdentityPolicy, p.Document)
		if err != nil {
			return nil, fmt.Errorf("awsapi: %s: %w", p.Name, err)
		}
		out = append(out, iam.Named{Name: p.Name, Policy: parsed})
	}
	return out, nil
}
