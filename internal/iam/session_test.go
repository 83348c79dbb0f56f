package iam

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSessions(t *testing.T) {
	f := newFixture(t)
	app := Ref{Role, home, "app"}
	_, err := f.Create(ctx, Entity{Ref: app, Path: "/svc/", Trust: "{}"})
	require.ErrorIs(t, err, ErrMalformedPolicy)
	e, err := f.Create(ctx, Entity{Ref: app, Path: "/svc/", Trust: trustHome, Tags: map[string]string{"a": "role", "b": "role"}})
	require.NoError(t, err)
	require.NoError(t, f.PutInlinePolicy(ctx, app, "dec", allowDecrypt))
	s, err := f.IssueSession(ctx, SessionSpec{Account: home, Role: "app", Name: "s1", Duration: time.Hour, Policies: []string{allowEncrypt},
		PolicyARNs: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}, Tags: map[string]string{"b": "session"}})
	require.NoError(t, err)
	require.Regexp(t, "^ASIA[A-Z2-7]{16}$", s.AccessKeyID)
	require.Equal(t, "arn:aws:sts::111122223333:assumed-role/app/s1", s.Principal.ARN)
	account, err := f.AccessKeyAccount(ctx, s.AccessKeyID)
	require.NoError(t, err)
	require.Equal(t, home, account)
	cred, err := f.Lookup(ctx, s.AccessKeyID, s.Token)
	require.NoError(t, err)
	require.Equal(t, Principal{Type: AssumedRole, Account: home, ARN: "arn:aws:sts::111122223333:assumed-role/app/s1", RoleARN: "arn:aws:iam::111122223333:role/svc/app",
		UserID: e.ID + ":s1", UserName: "app", Tags: map[string]string{"a": "role", "b": "session"}}, cred.Principal)
	require.Equal(t, s.Secret, cred.Secret)
	require.Len(t, cred.Session, 2)
	require.Len(t, cred.Identity, 1)

	_, err = f.Lookup(ctx, s.AccessKeyID, "")
	require.ErrorIs(t, err, ErrNotFound, "without its token")
	other, err := f.IssueSession(ctx, SessionSpec{Account: home, Role: "app", Name: "s2", Duration: time.Hour})
	require.NoError(t, err)
	for _, token := range []string{other.Token, "x", "AAAA", s.Token[:len(s.Token)-4], strings.Repeat("A", maxSessionToken+1)} {
		_, err = f.Lookup(ctx, s.AccessKeyID, token)
		require.ErrorIs(t, err, ErrToken)
	}
	_, err = f.Lookup(ctx, "AKIDROOT", s.Token)
	require.ErrorIs(t, err, ErrToken)

	require.NoError(t, f.DeleteInlinePolicy(ctx, app, "dec"))
	cred, err = f.Lookup(ctx, s.AccessKeyID, s.Token)
	require.NoError(t, err)
	require.Empty(t, cred.Identity, "the role's policies count as they are now")
	f.now = f.now.Add(time.Hour - time.Second)
	_, err = f.Lookup(ctx, s.AccessKeyID, s.Token)
	require.NoError(t, err)
	f.now = f.now.Add(time.Second)
	_, err = f.Lookup(ctx, s.AccessKeyID, s.Token)
	require.ErrorIs(t, err, ErrExpired)
	f.now = f.now.Add(-time.Hour)

	require.NoError(t, f.Delete(ctx, app))
	_, err = f.Lookup(ctx, s.AccessKeyID, s.Token)
	require.ErrorIs(t, err, ErrNotFound)
	_, err = f.Create(ctx, Entity{Ref: app, Trust: trustHome})
	require.NoError(t, err)
	_, err = f.Lookup(ctx, s.AccessKeyID, s.Token)
	require.ErrorIs(t, err, ErrToken, "a role made anew is another role")
}

func TestSessionLimits(t *testing.T) {
	f := newFixture(t)
	longest := 2 * time.Hour
	_, err := f.Create(ctx, Entity{Ref: Ref{Role, home, "r"}, Trust: trustHome, MaxSessionDuration: longest})
	require.NoError(t, err)
	_, err = f.Create(ctx, Entity{Ref: Ref{User, home, "u"}})
	require.NoError(t, err)
	good := SessionSpec{Account: home, Role: "r", Name: "ss", Duration: time.Hour}
	for name, change := range map[string]func(*SessionSpec){
		"too long":        func(s *SessionSpec) { s.Duration = longest + time.Second },
		"too short":       func(s *SessionSpec) { s.Duration = MinSessionDuration - time.Second },
		"short name":      func(s *SessionSpec) { s.Name = "s" },
		"bad name":        func(s *SessionSpec) { s.Name = "a/b" },
		"bad policy":      func(s *SessionSpec) { s.Policies = []string{"{}"} },
		"two policies":    func(s *SessionSpec) { s.Policies = []string{allowDecrypt, allowDecrypt} },
		"no such policy":  func(s *SessionSpec) { s.PolicyARNs = []string{"arn:aws:iam::111122223333:policy/none"} },
		"no such role":    func(s *SessionSpec) { s.Role = "none" },
		"bad tag":         func(s *SessionSpec) { s.Tags = map[string]string{"aws:x": "1"} },
		"long for a root": func(s *SessionSpec) { s.Role, s.Name, s.Duration = "", "", longest },
	} {
		spec := good
		change(&spec)
		_, err := f.IssueSession(ctx, spec)
		require.Error(t, err, name)
	}
	for _, spec := range []SessionSpec{good, {Account: home, User: "u", Duration: 36 * time.Hour}, {Account: home, Duration: time.Hour}} {
		s, err := f.IssueSession(ctx, spec)
		require.NoError(t, err)
		cred, err := f.Lookup(ctx, s.AccessKeyID, s.Token)
		require.NoError(t, err)
		require.Equal(t, s.Principal, cred.Principal)
	}
	_, err = NewDirectory(DirectoryOptions{Store: f.store}).IssueSession(ctx, good)
	require.ErrorIs(t, err, ErrInvalid)
}
