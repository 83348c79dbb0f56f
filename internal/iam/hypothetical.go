package iam

import (
	"context"
	"errors"
	"strings"
)

// hypotheticalSession is the session's name where a question names a role only.
const hypotheticalSession = "hypothetical"

// Hypothetical returns the principal that an ARN names as the directory knows it, with
// its identity policies and tags but without a secret: for questions, not for requests.
// A principal of an account that the directory has not is somebody else's and has none.
func (d *Directory) Hypothetical(ctx context.Context, arn string) (Credential, error) {
	p, err := PrincipalFromARN(arn)
	if err != nil {
		return Credential{}, err
	}
	if p.Type == AssumedRole && p.ARN == p.RoleARN {
		role := p.RoleARN[strings.LastIndexByte(p.RoleARN, '/')+1:]
		p.ARN = SessionARN(p.Account, role, hypotheticalSession)
	}
	ref := Ref{User, p.Account, p.UserName}
	if p.Type == AssumedRole {
		name, _, _ := strings.Cut(p.sessionName(), "/")
		ref = Ref{Role, p.Account, name}
	}
	if p.Type != IAMUser && p.Type != AssumedRole || p.serviceRole() {
		return Credential{Principal: p}, nil
	}
	e, err := d.Get(ctx, ref)
	if err != nil {
		if _, account := d.GetAccount(ctx, p.Account); errors.Is(account, ErrNotFound) {
			return Credential{Principal: p}, unlessMissing(err)
		}
		return Credential{}, err
	}
	if p.Type == AssumedRole {
		p.RoleARN, p.UserID, p.UserName, p.Tags = e.ARN(), e.ID+":"+p.ARN[strings.LastIndexByte(p.ARN, '/')+1:], e.Name, e.Tags
	} else {
		p = e.principal()
	}
	identity, boundary, err := d.policiesOf(ctx, &e)
	return Credential{Principal: p, Identity: identity, Boundary: boundary}, err
}
