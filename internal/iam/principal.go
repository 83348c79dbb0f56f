package iam

import (
	"strings"
)

// PrincipalType says what kind of principal makes a request.
type PrincipalType string

// The principal types, by the names that CloudTrail uses.
const (
	Root        PrincipalType = "Root"          // the account itself
	IAMUser     PrincipalType = "IAMUser"       // a user of an account
	AssumedRole PrincipalType = "AssumedRole"   // a session of a role
	Federated   PrincipalType = "FederatedUser" // named in policies and grants; this package issues none
	Service     PrincipalType = "AWSService"    // a service (ec2.amazonaws.com) or a resource that acts (an ECR repository)
)

// Principal is an authenticated caller.
type Principal struct {
	Type    PrincipalType
	Account string // 12 digits; empty for a service that belongs to none
	// ARN is what GetCallerIdentity answers: arn:aws:iam::N:root, …:user/path/U,
	// arn:aws:sts::N:assumed-role/R/S; a service principal's is its name.
	ARN string
	// RoleARN is the ARN of a session's role (it has the role's path, which ARN has not).
	// Empty means arn:aws:iam::N:role/R.
	RoleARN  string
	UserID   string            // aws:userid
	UserName string            // aws:username, of users only
	Tags     map[string]string // aws:PrincipalTag/…
}

// Issuer returns the ARN that aws:PrincipalArn shows: of a session that of its role, else ARN.
func (p *Principal) Issuer() string {
	if p.Type != AssumedRole {
		return p.ARN
	}
	if p.RoleARN != "" {
		return p.RoleARN
	}
	role, _, _ := strings.Cut(p.sessionName(), "/")
	return RoleARN(p.Account, "/", role)
}

// sessionName returns "R/S" of a session.
func (p *Principal) sessionName() string {
	_, name, _ := strings.Cut(p.ARN, ":assumed-role/")
	return name
}

// serviceRole reports whether p is a session of a role that a service keeps in the
// account, such as aws:ec2-infrastructure. Customers cannot make such names (a colon
// is not legal in a role's name), such roles have no identity policies, and what they
// may do with a key comes from grants and key policies alone.
func (p *Principal) serviceRole() bool {
	return p.Type == AssumedRole && strings.HasPrefix(p.sessionName(), "aws:")
}

// PrincipalFromARN returns the principal that an ARN (or a 12-digit account) names,
// with as much as the ARN tells; roles are taken as sessions without a session name.
// It serves hypothetical requests; authenticated callers come from a Directory.
func PrincipalFromARN(s string) (Principal, error) {
	if IsAccountID(s) {
		s = RootARN(s)
	}
	a, ok := ParseARN(s)
	if !ok || !IsAccountID(a.Account) {
		return Principal{}, refuse(ErrInvalid, "%q does not name a principal", s)
	}
	p := Principal{Account: a.Account, ARN: s}
	switch kind, name, _ := strings.Cut(a.Resource, "/"); {
	case a.Service == "iam" && a.Resource == "root":
		p.Type, p.UserID = Root, a.Account
	case a.Service == "iam" && kind == "user" && name != "":
		p.Type, p.UserName = IAMUser, name[strings.LastIndexByte(name, '/')+1:]
	case a.Service == "iam" && kind == "role" && name != "":
		p.Type, p.RoleARN = AssumedRole, s
	case a.Service == "sts" && kind == "assumed-role" && strings.Contains(name, "/"):
		p.Type = AssumedRole
	case a.Service == "sts" && kind == "federated-user" && name != "":
		p.Type = Federated
	case a.Service == "ecr" && kind == "repository" && name != "":
		p.Type = Service
	default:
		return Principal{}, refuse(ErrInvalid, "%q does not name a principal", s)
	}
	return p, nil
}

// NormalizePrincipal returns the ARN form of a principal id: a 12-digit account
// becomes its root ARN, N:aws:ec2-infrastructure:i-… the ARN of that session; ARNs of
// principals and names of services stay. It fails on what cannot name a principal.
func NormalizePrincipal(id string) (string, error) {
	if strings.HasSuffix(id, ".amazonaws.com") && !strings.ContainsAny(id, "*?/: ") {
		return id, nil
	}
	if account, rest, ok := strings.Cut(id, ":aws:"); ok && IsAccountID(account) {
		role, session, ok := strings.Cut(rest, ":")
		if !ok || role == "" || session == "" {
			return "", refuse(ErrInvalid, "%q does not name a principal", id)
		}
		id = SessionARN(account, "aws:"+role, session)
	}
	if strings.ContainsAny(id, "*?") {
		return "", refuse(ErrInvalid, "principal %q has a wildcard", id)
	}
	p, err := PrincipalFromARN(id)
	return p.ARN, err
}

// GranteeForms returns every normalised id that stands for p: its ARN, its role's ARN
// and its account's. An index of grants by grantee needs to look at no others.
func (p *Principal) GranteeForms() []string {
	forms := []string{p.ARN}
	if issuer := p.Issuer(); issuer != p.ARN {
		forms = append(forms, issuer)
	}
	if p.Account != "" && p.Type != Root {
		forms = append(forms, RootARN(p.Account))
	}
	return forms
}
