package iam

import (
	"fmt"
	"strings"
)

// Reason says what decided.
type Reason uint8

// The reasons. The zero value is no decision.
const (
	AllowedByResource     Reason = iota + 1 // the resource's policy allows the principal
	AllowedByIdentity                       // an identity policy allows (with the resource's policy where that is needed)
	AllowedByGrant                          // a grant allows
	AllowedByRoot                           // the account root may do what its account may
	DeniedByResource                        // explicit deny in the resource's policy
	DeniedByIdentity                        // explicit deny in an identity policy
	DeniedBySession                         // explicit deny in a session policy
	DeniedNoResourceAllow                   // no statement of the resource's policy and no grant allows
	DeniedNoIdentityAllow                   // no identity policy allows
	DeniedNoSessionAllow                    // no session policy allows
)

// StatementRef names a statement of a policy. The zero value names none.
type StatementRef struct {
	Policy string // Named.Name
	Sid    string
	Index  int // from 0
}

// IsZero reports whether the reference names no statement.
func (s StatementRef) IsZero() bool { return s == StatementRef{} }

// String names the statement: "statement 0 (Sid "Admins") of key policy default".
func (s StatementRef) String() string {
	if s.Sid != "" {
		return fmt.Sprintf("statement %d (Sid %q) of %s", s.Index, s.Sid, s.Policy)
	}
	return fmt.Sprintf("statement %d of %s", s.Index, s.Policy)
}

// Decision is the answer to a request, with its reason.
type Decision struct {
	Allowed  bool
	Reason   Reason
	Resource StatementRef // the statement of the resource's policy that took part
	Identity StatementRef // the statement of an identity or session policy that took part
	GrantID  string       // the grant that took part
	Trace    []Step       // from Explain only
}

// Deciding returns the statement that decided, if one did.
func (d *Decision) Deciding() StatementRef {
	switch d.Reason {
	case AllowedByResource, AllowedByRoot, DeniedByResource:
		return d.Resource
	case AllowedByIdentity, DeniedByIdentity, DeniedBySession:
		return d.Identity
	}
	return StatementRef{}
}

// String is one sentence: which statement, grant or missing allow decided.
func (d *Decision) String() string {
	switch d.Reason {
	case AllowedByResource:
		return "allowed by " + d.Resource.String() + d.alsoIdentity()
	case AllowedByIdentity:
		s := "allowed by " + d.Identity.String()
		if !d.Resource.IsZero() {
			s += ", with " + d.Resource.String()
		}
		return s
	case AllowedByGrant:
		return "allowed by grant " + d.GrantID + d.alsoIdentity()
	case AllowedByRoot:
		if d.Resource.IsZero() {
			return "allowed to the account root"
		}
		return "allowed to the account root, with " + d.Resource.String()
	case DeniedByResource:
		return "denied by " + d.Resource.String()
	case DeniedByIdentity, DeniedBySession:
		return "denied by " + d.Identity.String()
	case DeniedNoResourceAllow:
		return "denied: no statement of the resource's policy and no grant allows it"
	case DeniedNoIdentityAllow:
		return "denied: no identity policy allows it" + d.onlyAccount()
	case DeniedNoSessionAllow:
		return "denied: no session policy allows it"
	}
	return "not decided"
}

func (d *Decision) alsoIdentity() string {
	if d.Identity.IsZero() {
		return ""
	}
	return ", with " + d.Identity.String()
}

// onlyAccount says what was there when the identity policies were missing.
func (d *Decision) onlyAccount() string {
	switch {
	case !d.Resource.IsZero():
		return ", and " + d.Resource.String() + " leaves it to them"
	case d.GrantID != "":
		return ", and grant " + d.GrantID + " leaves it to them"
	}
	return ""
}

// Because ends AWS's AccessDenied message.
func (d *Decision) Because(action string) string {
	switch d.Reason {
	case DeniedByResource:
		return "with an explicit deny in a resource-based policy"
	case DeniedByIdentity:
		return "with an explicit deny in an identity-based policy"
	case DeniedBySession:
		return "with an explicit deny in a session policy"
	case DeniedNoResourceAllow:
		return "because no resource-based policy allows the " + action + " action"
	case DeniedNoIdentityAllow:
		return "because no identity-based policy allows the " + action + " action"
	case DeniedNoSessionAllow:
		return "because no session policy allows the " + action + " action"
	}
	return ""
}

// Message is AWS's AccessDenied message.
func (d *Decision) Message(r *Request) string {
	var b strings.Builder
	b.WriteString("User: " + r.Principal.ARN + " is not authorized to perform: " + r.Action)
	if r.Resource != "" && r.Resource != "*" {
		b.WriteString(" on resource: " + r.Resource)
	}
	if why := d.Because(r.Action); why != "" {
		b.WriteString(" " + why)
	}
	return b.String()
}
