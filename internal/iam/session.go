package iam

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
)

// Sessions are not stored: a session token is the session, sealed, with its access
// key's id as associated data. Only who holds the token key can make one, and deleting
// the role or user, or changing its policies, takes effect on its sessions at once.

// SessionSpec asks for a session of a role (AssumeRole), or, with Role empty, of the
// caller itself (GetSessionToken).
type SessionSpec struct {
	Account  string
	Role     string // name of the role to assume
	User     string // name of the user whose session this is; Role and User empty: the account root
	Name     string // of a role's session
	Duration time.Duration
	// Policies are session policy documents, PolicyARNs managed policies that limit the session.
	Policies   []string
	PolicyARNs []string
	Tags       map[string]string // session tags, over the role's
}

// Session is a set of temporary credentials.
type Session struct {
	AccessKeyID string
	Secret      string
	Token       string
	Expires     time.Time
	Principal   Principal
}

// session is what a token holds.
type session struct {
	V        int
	Account  string
	Role     string `json:",omitempty"`
	User     string `json:",omitempty"`
	EntityID string `json:",omitempty"` // of the role or user: one made anew is another one
	Name     string `json:",omitempty"`
	Secret   string
	Started  time.Time
	Expires  time.Time
	Policies []string          `json:",omitempty"`
	ARNs     []string          `json:",omitempty"`
	Tags     map[string]string `json:",omitempty"`
}

const (
	maxSessionName  = 64
	maxSessionToken = 64 << 10 // characters of a token that is looked at
)

// IssueSession makes a session. Whether the caller may have it (the role's trust
// policy) is decided before; the limits of durations and documents are checked here.
func (d *Directory) IssueSession(ctx context.Context, spec SessionSpec) (Session, error) {
	if d.tokens == nil {
		return Session{}, refuse(ErrInvalid, "this directory issues no sessions")
	}
	now := d.now()
	s := session{
		V: recordVersion, Account: spec.Account, Role: spec.Role, User: spec.User, Name: spec.Name, Started: now, Expires: now.Add(spec.Duration),
		Policies: spec.Policies, ARNs: spec.PolicyARNs, Tags: spec.Tags,
	}
	if err := d.checkSession(ctx, &s, spec.Duration); err != nil {
		return Session{}, err
	}
	var err error
	if s.Secret, err = newSecret(d.rand); err != nil {
		return Session{}, err
	}
	id, err := newAccessKeyID(d.rand, PrefixSession, s.Account)
	if err != nil {
		return Session{}, err
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return Session{}, fmt.Errorf("iam: %w", err)
	}
	sealed, err := d.tokens.Seal(d.rand, nil, plain, sessionAAD(id))
	if err != nil {
		return Session{}, fmt.Errorf("iam: %w", err)
	}
	token := base64.StdEncoding.EncodeToString(sealed)
	cred, err := d.credential(ctx, id, &s)
	return Session{id, s.Secret, token, s.Expires, cred.Principal}, err
}

// sessionAAD binds a token to its access key and to this use of the token key.
func sessionAAD(id string) []byte { return []byte("iam session\x00" + id) }

// checkSession checks a session's spec and fills in the id of its role or user.
func (d *Directory) checkSession(ctx context.Context, s *session, duration time.Duration) error {
	longest := DefaultMaxSession // of the account root
	switch {
	case s.Role != "":
		e, err := d.Get(ctx, Ref{Role, s.Account, s.Role})
		if err != nil {
			return err
		}
		s.EntityID, longest = e.ID, e.MaxSessionDuration
		if len(s.Name) < 2 || checkName(s.Name, maxSessionName) != nil {
			return refuse(ErrInvalid, "a session name has 2 to %d letters, digits and characters of =,.@_-", maxSessionName)
		}
	case s.User != "":
		e, err := d.Get(ctx, Ref{User, s.Account, s.User})
		if err != nil {
			return err
		}
		s.EntityID, longest = e.ID, MaxUserSessionDuration
	}
	if duration < MinSessionDuration || duration > longest {
		return refuse(ErrInvalid, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role, or is less than %d.", int(MinSessionDuration.Seconds()))
	}
	if len(s.Policies) > 1 || len(s.ARNs) > maxSessionPolicies {
		return refuse(ErrInvalid, "a session has at most one policy document and %d policy ARNs", maxSessionPolicies)
	}
	for _, text := range s.Policies {
		if _, err := Parse(IdentityPolicy, []byte(text)); err != nil {
			return err
		}
		if PolicySize(text) > MaxUserInline {
			return refuse(ErrPolicyTooLarge, "a session policy has at most %d characters", MaxUserInline)
		}
	}
	for _, arn := range s.ARNs {
		if _, err := d.GetPolicy(ctx, arn); err != nil {
			return err
		}
	}
	return checkTags(s.Tags)
}

func (d *Directory) lookupSession(ctx context.Context, id, token string) (Credential, error) {
	cred, ok := d.cache.get(id, token)
	if !ok {
		generation := d.cache.generation()
		s, err := d.openToken(id, token)
		if err != nil {
			return Credential{}, err
		}
		if cred, err = d.credential(ctx, id, s); err != nil {
			return Credential{}, err
		}
		d.cache.put(generation, id, token, cred)
	}
	if !d.clock().Before(cred.Expires) {
		return Credential{}, ErrExpired
	}
	return cred, nil
}

// openToken opens a session token. Every failure is ErrToken and nothing more.
func (d *Directory) openToken(id, token string) (*session, error) {
	if d.tokens == nil || len(token) > maxSessionToken || !strings.HasPrefix(id, PrefixSession) {
		return nil, ErrToken
	}
	sealed, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil {
		return nil, ErrToken
	}
	plain, err := d.tokens.Open(nil, sealed, sessionAAD(id))
	if err != nil {
		return nil, ErrToken
	}
	var s session
	if err := json.Unmarshal(plain, &s); err != nil || s.V != recordVersion {
		return nil, ErrToken
	}
	return &s, nil
}

// credential makes the credential of a session out of what the directory says now.
func (d *Directory) credential(ctx context.Context, id string, s *session) (Credential, error) {
	cred := Credential{AccessKeyID: id, Secret: s.Secret, Started: s.Started, Expires: s.Expires}
	ref := Ref{User, s.Account, s.User}
	if s.Role != "" {
		ref = Ref{Role, s.Account, s.Role}
	}
	if ref.Name == "" {
		cred.Principal = rootPrincipal(s.Account)
		return cred, nil
	}
	e, err := d.Get(ctx, ref)
	if err != nil {
		return Credential{}, err
	}
	if e.ID != s.EntityID {
		return Credential{}, ErrToken
	}
	cred.Principal = e.principal()
	if s.Role != "" {
		cred.Principal = Principal{
			Type: AssumedRole, Account: s.Account, ARN: SessionARN(s.Account, e.Name, s.Name), RoleARN: e.ARN(),
			UserID: e.ID + ":" + s.Name, UserName: e.Name,
		}
		cred.Principal.Tags = map[string]string{}
		maps.Copy(cred.Principal.Tags, e.Tags)
		maps.Copy(cred.Principal.Tags, s.Tags)
	}
	if cred.Identity, cred.Boundary, err = d.policiesOf(ctx, &e); err != nil {
		return Credential{}, err
	}
	for _, text := range s.Policies {
		cred.Session = append(cred.Session, NamedText{"session policy", text})
	}
	for _, arn := range s.ARNs {
		text, err := d.policyText(ctx, arn)
		if err != nil {
			return Credential{}, err
		}
		cred.Session = append(cred.Session, NamedText{"session policy " + arn, text})
	}
	return cred, nil
}
