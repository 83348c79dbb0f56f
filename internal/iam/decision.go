package iam

import (
	"strconv"
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
	DeniedByBoundary                        // explicit deny in the permissions boundary
	DeniedNoBoundaryAllow                   // the permissions boundary does not allow
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
	var room [sentence]byte
	return string(s.append(room[:0]))
}

// sentence is what most sentences fit: every audited request has one.
const sentence = 192

func (s StatementRef) append(b []byte) []byte {
	b = strconv.AppendInt(append(b, "statement "...), int64(s.Index), 10)
	if s.Sid != "" {
		b = append(strconv.AppendQuote(append(b, " (Sid "...), s.Sid), ')')
	}
	return append(append(b, " of "...), s.Policy...)
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
	case AllowedByIdentity, DeniedByIdentity, DeniedBySession, DeniedByBoundary:
		return d.Identity
	}
	return StatementRef{}
}

// String is one sentence: which statement, grant or missing allow decided.
func (d *Decision) String() string {
	var room [sentence]byte
	return string(d.append(room[:0]))
}

func (d *Decision) append(b []byte) []byte {
	switch d.Reason {
	case AllowedByResource:
		return withStatement(d.Resource.append(append(b, "allowed by "...)), d.Identity)
	case AllowedByIdentity:
		return withStatement(d.Identity.append(append(b, "allowed by "...)), d.Resource)
	case AllowedByGrant:
		return withStatement(append(append(b, "allowed by grant "...), d.GrantID...), d.Identity)
	case AllowedByRoot:
		return withStatement(append(b, "allowed to the account root"...), d.Resource)
	case DeniedByResource:
		return d.Resource.append(append(b, "denied by "...))
	case DeniedByIdentity, DeniedBySession, DeniedByBoundary:
		return d.Identity.append(append(b, "denied by "...))
	case DeniedNoResourceAllow:
		return append(b, "denied: no statement of the resource's policy and no grant allows it"...)
	case DeniedNoIdentityAllow:
		return append(append(b, "denied: no identity policy allows it"...), d.onlyAccount()...)
	case DeniedNoSessionAllow:
		return append(b, "denied: no session policy allows it"...)
	case DeniedNoBoundaryAllow:
		return append(b, "denied: the permissions boundary does not allow it"...)
	}
	return append(b, "not decided"...)
}

func withStatement(b []byte, s StatementRef) []byte {
	if s.IsZero() {
		return b
	}
	return s.append(append(b, ", with "...))
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
	case DeniedByBoundary:
		return "with an explicit deny in a permissions boundary"
	case DeniedNoResourceAllow:
		return "because no resource-based policy allows the " + action + " action"
	case DeniedNoIdentityAllow:
		return "because no identity-based policy allows the " + action + " action"
	case DeniedNoSessionAllow:
		return "because no session policy allows the " + action + " action"
	case DeniedNoBoundaryAllow:
		return "because no permissions boundary allows the " + action + " action"
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
