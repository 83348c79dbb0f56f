package iam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/meta"
	"github.com/stretchr/testify/require"
)

// mapStore is a store in memory whose commit N can fail, before or after it is applied.
type mapStore struct {
	mu       sync.Mutex
	values   map[string][]byte
	revs     map[string]uint64
	revision uint64
	commits  int
	failAt   int
	applied  bool
	gets     int
}

func newMapStore() *mapStore {
	return &mapStore{values: map[string][]byte{}, revs: map[string]uint64{}}
}

func (s *mapStore) Get(_ context.Context, key string) ([]byte, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	v, ok := s.values[key]
	if !ok {
		return nil, 0, meta.ErrNotFound
	}
	return bytes.Clone(v), s.revs[key], nil
}

func (s *mapStore) Scan(_ context.Context, prefix, after string, limit int, fn func(string, []byte, uint64) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for k := range s.values {
		if strings.HasPrefix(k, prefix) && k > after {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for i, k := range keys {
		if limit > 0 && i == limit {
			break
		}
		if err := fn(k, s.values[k], s.revs[k]); err != nil {
			return err
		}
	}
	return nil
}

func (s *mapStore) Commit(_ context.Context, expect map[string]uint64, put map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits++
	fail := s.failAt > 0 && s.commits == s.failAt
	if fail && !s.applied {
		return meta.ErrUnknown
	}
	for k, rev := range expect {
		if s.revs[k] != rev {
			return meta.ErrConflict
		}
	}
	s.revision++
	for k, v := range put {
		if v == nil {
			delete(s.values, k)
			delete(s.revs, k)
			continue
		}
		s.values[k], s.revs[k] = bytes.Clone(v), s.revision
	}
	if fail {
		return meta.ErrUnknown
	}
	return nil
}

const (
	allowDecrypt = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}]}`
	allowEncrypt = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*"}]}`
	trustHome    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}`
)

type fixture struct {
	*Directory
	store *mapStore
	now   time.Time
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{store: newMapStore(), now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)}
	tokens, err := aead.NewRecordKey(aead.NewSecret(bytes.Repeat([]byte{1}, 32)))
	require.NoError(t, err)
	f.Directory = NewDirectory(DirectoryOptions{Store: f.store, Tokens: tokens, Clock: func() time.Time { return f.now }})
	require.NoError(t, f.CreateAccount(ctx, home, "AKIDROOT", "root-secret"))
	return f
}

var ctx = context.Background()

func TestAccounts(t *testing.T) {
	f := newFixture(t)
	cred, err := f.Lookup(ctx, "AKIDROOT", "")
	require.NoError(t, err)
	require.Equal(t, Credential{AccessKeyID: "AKIDROOT", Secret: "root-secret",
		Principal: Principal{Type: Root, Account: home, ARN: RootARN(home), UserID: home}}, cred)
	for _, id := range []string{"AKIDNONE", "", "iam/key", "\x00"} {
		_, err = f.Lookup(ctx, id, "")
		require.ErrorIs(t, err, ErrNotFound, id)
	}
	require.ErrorIs(t, f.CreateAccount(ctx, home, "AKIDOTHER", "s"), ErrExists)
	require.ErrorIs(t, f.CreateAccount(ctx, "444455556666", "AKIDROOT", "s"), ErrExists)
	for _, bad := range [][3]string{{"1", "AKID", "s"}, {"444455556666", "AK ID", "s"}, {"444455556666", "AKID", "s p"}, {"444455556666", strings.Repeat("A", 129), "s"}} {
		require.ErrorIs(t, f.CreateAccount(ctx, bad[0], bad[1], bad[2]), ErrInvalid)
	}
	require.NoError(t, f.CreateAccount(ctx, "444455556666", "", ""))
	a, err := f.GetAccount(ctx, "444455556666")
	require.NoError(t, err)
	require.Regexp(t, "^AKIA[A-Z2-7]{16}$", a.RootKey)
	cred, err = f.Lookup(ctx, a.RootKey, "")
	require.NoError(t, err)
	require.Len(t, cred.Secret, secretSize)
	accounts, more, err := f.ListAccounts(ctx, Page{Limit: 1})
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, home, accounts[0].ID)
	accounts, more, err = f.ListAccounts(ctx, Page{After: home})
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, "444455556666", accounts[0].ID)
}

func TestUserLifeAndCredentials(t *testing.T) {
	f := newFixture(t)
	bob := Ref{User, home, "Bob"}
	e, err := f.Create(ctx, Entity{Ref: bob, Path: "/team/", Tags: map[string]string{"team": "storage"}})
	require.NoError(t, err)
	require.Regexp(t, "^AIDA[A-Z2-7]{17}$", e.ID)
	require.Equal(t, "arn:aws:iam::111122223333:user/team/Bob", e.ARN())
	_, err = f.Create(ctx, Entity{Ref: Ref{User, home, "BOB"}})
	require.ErrorIs(t, err, ErrExists, "names are unique without regard to case")
	_, err = f.Get(ctx, Ref{User, home, "bob"})
	require.ErrorIs(t, err, ErrNotFound)

	key, err := f.CreateAccessKey(ctx, home, "Bob")
	require.NoError(t, err)
	second, err := f.CreateAccessKey(ctx, home, "Bob")
	require.NoError(t, err)
	_, err = f.CreateAccessKey(ctx, home, "Bob")
	require.ErrorIs(t, err, ErrLimit)
	require.NoError(t, f.DeleteAccessKey(ctx, home, "Bob", second.ID))
	require.ErrorIs(t, f.DeleteAccessKey(ctx, home, "Bob", second.ID), ErrNotFound)

	p, err := f.CreatePolicy(ctx, ManagedPolicy{Account: home, Name: "dec", Path: "/x/"}, allowDecrypt)
	require.NoError(t, err)
	require.NoError(t, f.PutInlinePolicy(ctx, bob, "enc", allowEncrypt))
	require.NoError(t, f.Attach(ctx, bob, p.ARN()))
	require.NoError(t, f.Attach(ctx, bob, p.ARN()), "twice is no error")
	require.NoError(t, f.Attach(ctx, bob, "arn:aws:iam::aws:policy/AdministratorAccess"))
	cred, err := f.Lookup(ctx, key.ID, "")
	require.NoError(t, err)
	require.Equal(t, key.Secret, cred.Secret)
	require.Equal(t, Principal{Type: IAMUser, Account: home, ARN: e.ARN(), UserID: e.ID, UserName: "Bob", Tags: map[string]string{"team": "storage"}}, cred.Principal)
	require.Equal(t, []NamedText{
		{"inline policy enc of user Bob", allowEncrypt},
		{"managed policy arn:aws:iam::111122223333:policy/x/dec", allowDecrypt},
		{"managed policy arn:aws:iam::aws:policy/AdministratorAccess", awsPolicies[0].Versions[0].Document},
	}, cred.Identity)
	for _, n := range cred.Identity {
		_, err := Parse(IdentityPolicy, []byte(n.Text))
		require.NoError(t, err)
	}

	gets := f.store.gets
	_, err = f.Lookup(ctx, key.ID, "")
	require.NoError(t, err)
	require.Equal(t, gets, f.store.gets, "from the cache")
	require.NoError(t, f.DeleteInlinePolicy(ctx, bob, "enc"))
	cred, err = f.Lookup(ctx, key.ID, "")
	require.NoError(t, err)
	require.Len(t, cred.Identity, 2, "a change takes effect on the next use")
	require.NoError(t, f.SetAccessKeyActive(ctx, home, "Bob", key.ID, false))
	_, err = f.Lookup(ctx, key.ID, "")
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, f.SetAccessKeyActive(ctx, home, "Bob", key.ID, true))
	keys, err := f.ListAccessKeys(ctx, home, "Bob")
	require.NoError(t, err)
	require.Equal(t, []AccessKey{{ID: key.ID, User: "Bob", Active: true, Created: f.now}}, keys)
	account, err := f.AccessKeyAccount(ctx, key.ID)
	require.NoError(t, err)
	require.Equal(t, home, account)

	require.ErrorIs(t, f.Delete(ctx, bob), ErrInUse)
	require.NoError(t, f.Detach(ctx, bob, p.ARN()))
	require.ErrorIs(t, f.Detach(ctx, bob, p.ARN()), ErrNotFound)
	require.NoError(t, f.Detach(ctx, bob, "arn:aws:iam::aws:policy/AdministratorAccess"))
	require.ErrorIs(t, f.Delete(ctx, bob), ErrInUse)
	require.NoError(t, f.DeleteAccessKey(ctx, home, "Bob", key.ID))
	require.NoError(t, f.Delete(ctx, bob))
	_, err = f.Lookup(ctx, key.ID, "")
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, f.DeletePolicy(ctx, p.ARN()))
	require.Len(t, f.store.values, 2, "the account and its root's key are left")
}

func TestManagedPolicies(t *testing.T) {
	f := newFixture(t)
	p, err := f.CreatePolicy(ctx, ManagedPolicy{Account: home, Name: "P", Description: "d"}, allowDecrypt)
	require.NoError(t, err)
	_, err = f.CreatePolicy(ctx, ManagedPolicy{Account: home, Name: "p", Path: "/other/"}, allowDecrypt)
	require.ErrorIs(t, err, ErrExists)
	for i := range 4 {
		v, err := f.CreatePolicyVersion(ctx, p.ARN(), allowEncrypt, i == 0)
		require.NoError(t, err)
		require.Equal(t, i+2, v.Number)
	}
	_, err = f.CreatePolicyVersion(ctx, p.ARN(), allowEncrypt, false)
	require.ErrorIs(t, err, ErrLimit)
	require.ErrorIs(t, f.DeletePolicyVersion(ctx, p.ARN(), "v2"), ErrInUse, "the default")
	require.ErrorIs(t, f.DeletePolicyVersion(ctx, p.ARN(), "v9"), ErrNotFound)
	require.ErrorIs(t, f.DeletePolicyVersion(ctx, p.ARN(), "2"), ErrNotFound)
	require.NoError(t, f.DeletePolicyVersion(ctx, p.ARN(), "v5"))
	v, err := f.CreatePolicyVersion(ctx, p.ARN(), allowEncrypt, false)
	require.NoError(t, err)
	require.Equal(t, 6, v.Number, "numbers are not used again")
	require.NoError(t, f.SetDefaultPolicyVersion(ctx, p.ARN(), "v1"))
	text, err := f.policyText(ctx, p.ARN())
	require.NoError(t, err)
	require.Equal(t, allowDecrypt, text)
	require.ErrorIs(t, f.DeletePolicy(ctx, p.ARN()), ErrInUse, "it has versions")
	for _, arn := range []string{"arn:aws:iam::111122223333:policy/x/P", "arn:aws:iam::aws:policy/NoSuch", "arn:aws:iam::444455556666:policy/P"} {
		_, err = f.GetPolicy(ctx, arn)
		require.ErrorIs(t, err, ErrNotFound, arn)
	}
	for _, arn := range []string{"", "P", "arn:aws:iam::111122223333:role/P", "arn:aws:iam::111122223333:policy/"} {
		_, err = f.GetPolicy(ctx, arn)
		require.ErrorIs(t, err, ErrInvalid, arn)
	}
	require.ErrorIs(t, f.DeletePolicy(ctx, "arn:aws:iam::aws:policy/AdministratorAccess"), ErrInvalid)
	_, err = f.CreatePolicy(ctx, ManagedPolicy{Account: home, Name: "big"}, strings.Replace(allowDecrypt, "Decrypt", strings.Repeat("x", MaxManagedPolicy), 1))
	require.ErrorIs(t, err, ErrLimit)
	_, err = f.CreatePolicy(ctx, ManagedPolicy{Account: home, Name: "bad"}, "{}")
	require.ErrorIs(t, err, ErrMalformedPolicy)
	require.NoError(t, f.SetPolicyTags(ctx, p.ARN(), map[string]string{"a": "1"}))
	require.NoError(t, f.RemovePolicyTags(ctx, p.ARN(), []string{"a", "b"}))
	list, more, err := f.ListPolicies(ctx, home, Page{})
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, list, 1)
	require.Empty(t, list[0].Tags)
	for _, p := range AWSPolicies() {
		_, err := Parse(IdentityPolicy, []byte(p.Versions[0].Document))
		require.NoError(t, err)
	}
}

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

func TestRoleUpdatesAndProfiles(t *testing.T) {
	f := newFixture(t)
	r := Ref{Role, home, "r"}
	_, err := f.Create(ctx, Entity{Ref: r, Trust: trustHome})
	require.NoError(t, err)
	require.ErrorIs(t, f.UpdateTrust(ctx, r, "{}"), ErrMalformedPolicy)
	require.NoError(t, f.UpdateTrust(ctx, r, strings.Replace(trustHome, home, "444455556666", 1)))
	text, long, tooLong := "text", 12*time.Hour, 13*time.Hour
	require.NoError(t, f.UpdateRole(ctx, r, &text, &long))
	require.ErrorIs(t, f.UpdateRole(ctx, r, nil, &tooLong), ErrInvalid)
	require.NoError(t, f.SetTags(ctx, r, map[string]string{"k": "v"}))
	require.ErrorIs(t, f.SetTags(ctx, r, map[string]string{"<": "v"}), ErrInvalid)
	require.NoError(t, f.RemoveTags(ctx, r, []string{"k"}))
	big := strings.Replace(allowDecrypt, "Decrypt", strings.Repeat("x", MaxIdentityPolicy-len(allowDecrypt)), 1)
	require.NoError(t, f.PutInlinePolicy(ctx, r, "big", big))
	require.ErrorIs(t, f.PutInlinePolicy(ctx, r, "more", allowDecrypt), ErrLimit)
	require.ErrorIs(t, f.DeleteInlinePolicy(ctx, r, "more"), ErrNotFound)
	require.NoError(t, f.DeleteInlinePolicy(ctx, r, "big"))
	got, err := f.Get(ctx, r)
	require.NoError(t, err)
	require.Equal(t, "text", got.Description)
	require.Equal(t, long, got.MaxSessionDuration)
	require.Contains(t, got.Trust, "444455556666")

	_, err = f.CreateInstanceProfile(ctx, InstanceProfile{Account: home, Name: "ip"})
	require.NoError(t, err)
	_, err = f.CreateInstanceProfile(ctx, InstanceProfile{Account: home, Name: "IP"})
	require.ErrorIs(t, err, ErrExists)
	require.NoError(t, f.AddRoleToInstanceProfile(ctx, home, "ip", "r"))
	require.ErrorIs(t, f.AddRoleToInstanceProfile(ctx, home, "ip", "r"), ErrLimit)
	require.ErrorIs(t, f.Delete(ctx, r), ErrInUse)
	require.ErrorIs(t, f.DeleteInstanceProfile(ctx, home, "ip"), ErrInUse)
	p, err := f.GetInstanceProfile(ctx, home, "ip")
	require.NoError(t, err)
	require.Equal(t, "r", p.Role)
	require.Equal(t, "arn:aws:iam::111122223333:instance-profile/ip", p.ARN())
	s, err := f.Summarize(ctx, home)
	require.NoError(t, err)
	require.Equal(t, Summary{Roles: 1, InstanceProfiles: 1}, s)
	require.NoError(t, f.RemoveRoleFromInstanceProfile(ctx, home, "ip", "r"))
	require.ErrorIs(t, f.RemoveRoleFromInstanceProfile(ctx, home, "ip", "r"), ErrNotFound)
	require.NoError(t, f.DeleteInstanceProfile(ctx, home, "ip"))
	require.NoError(t, f.Delete(ctx, r))
}

func TestNames(t *testing.T) {
	f := newFixture(t)
	for _, e := range []Entity{
		{Ref: Ref{User, home, ""}}, {Ref: Ref{User, home, "a b"}}, {Ref: Ref{User, home, "a/b"}}, {Ref: Ref{User, home, strings.Repeat("a", 65)}},
		{Ref: Ref{User, home, "aws:ec2"}}, {Ref: Ref{User, "1", "a"}}, {Ref: Ref{"group", home, "a"}}, {Ref: Ref{User, home, "a"}, Path: "x"},
		{Ref: Ref{User, home, "a"}, Path: "/x"}, {Ref: Ref{User, home, "a"}, Path: "/\x00/"}, {Ref: Ref{User, home, "a"}, Tags: map[string]string{"": "x"}},
	} {
		_, err := f.Create(ctx, e)
		require.ErrorIs(t, err, ErrInvalid, "%+v", e)
	}
	tags := map[string]string{}
	for i := range 51 {
		tags[fmt.Sprint(i)] = ""
	}
	_, err := f.Create(ctx, Entity{Ref: Ref{User, home, "a"}, Tags: tags})
	require.ErrorIs(t, err, ErrLimit)
}

func TestListPages(t *testing.T) {
	f := newFixture(t)
	for i := range 600 {
		_, err := f.Create(ctx, Entity{Ref: Ref{User, home, fmt.Sprintf("User%03d", i)}, Path: []string{"/a/", "/b/"}[i%2]})
		require.NoError(t, err)
	}
	seen, after := 0, ""
	for {
		page, more, err := f.List(ctx, User, home, Page{PathPrefix: "/b/", After: after, Limit: 7})
		require.NoError(t, err)
		for _, e := range page {
			require.Equal(t, fmt.Sprintf("User%03d", 2*seen+1), e.Name)
			seen++
		}
		if !more {
			break
		}
		after = page[len(page)-1].Name
	}
	require.Equal(t, 300, seen)
}

// TestConcurrentChanges: changes of one record do not overwrite each other.
func TestConcurrentChanges(t *testing.T) {
	f := newFixture(t)
	bob := Ref{User, home, "bob"}
	_, err := f.Create(ctx, Entity{Ref: bob})
	require.NoError(t, err)
	key, err := f.CreateAccessKey(ctx, home, "bob")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for {
				err := f.SetTags(ctx, bob, map[string]string{fmt.Sprint(i): "x"})
				if errors.Is(err, ErrConflict) {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				break
			}
			if _, err := f.Lookup(ctx, key.ID, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	cred, err := f.Lookup(ctx, key.ID, "")
	require.NoError(t, err)
	require.Len(t, cred.Principal.Tags, 8)
}

// TestUnknownCommit fails commit N, applied or not, for each N: what is there
// afterwards is whole, and doing the work again finishes it.
func TestUnknownCommit(t *testing.T) {
	for _, applied := range []bool{false, true} {
		for n := 1; ; n++ {
			f := newFixture(t)
			f.store.commits, f.store.failAt, f.store.applied = 0, n, applied
			bob := Ref{User, home, "bob"}
			work := func() error {
				_, err := f.Create(ctx, Entity{Ref: bob})
				if err != nil && !errors.Is(err, ErrExists) {
					return err
				}
				p, err := f.CreatePolicy(ctx, ManagedPolicy{Account: home, Name: "p"}, allowDecrypt)
				if err != nil && !errors.Is(err, ErrExists) {
					return err
				}
				p.Account, p.Name, p.Path = home, "p", "/"
				if err := f.Attach(ctx, bob, p.ARN()); err != nil {
					return err
				}
				_, err = f.CreateAccessKey(ctx, home, "bob")
				return err
			}
			err := work()
			if err != nil {
				require.ErrorIs(t, err, meta.ErrUnknown)
				require.NoError(t, work())
			}
			e, getErr := f.Get(ctx, bob)
			require.NoError(t, getErr)
			require.Len(t, e.Attached, 1)
			for _, id := range e.AccessKeys {
				_, err := f.Lookup(ctx, id, "")
				require.NoError(t, err)
			}
			p, getErr := f.GetPolicy(ctx, e.Attached[0])
			require.NoError(t, getErr)
			require.Equal(t, 1, p.Attachments)
			if err == nil {
				break
			}
		}
	}
}

func TestCorruptRecords(t *testing.T) {
	f := newFixture(t)
	for _, bad := range []string{"", "{", `{"v":2,"r":{}}`, `{"v":1,"r":[]}`} {
		f.store.values[accessKeyKey("AKIDROOT")] = []byte(bad)
		_, err := f.Lookup(ctx, "AKIDROOT", "")
		require.ErrorIs(t, err, meta.ErrCorrupt, bad)
	}
}

func BenchmarkLookup(b *testing.B) {
	f := newFixture(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Lookup(ctx, "AKIDROOT", ""); err != nil {
			b.Fatal(err)
		}
	}
}

func TestMissingPrincipal(t *testing.T) {
	f := newFixture(t)
	_, err := f.Create(ctx, Entity{Ref: Ref{User, home, "a"}, Path: "/p/"})
	require.NoError(t, err)
	_, err = f.Create(ctx, Entity{Ref: Ref{Role, home, "r"}, Trust: trustHome})
	require.NoError(t, err)
	for name, missing := range map[string]bool{
		"111122223333": false, "arn:aws:iam::111122223333:user/p/a": false, "arn:aws:iam::111122223333:role/r": false,
		"arn:aws:sts::111122223333:assumed-role/r/s": false, "arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure/i-1": false,
		"arn:aws:iam::999988887777:user/x": false, "*": false, "AIDAEXAMPLE00000": false,
		"arn:aws:iam::111122223333:user/a": true, "arn:aws:iam::111122223333:user/b": true, "arn:aws:iam::111122223333:role/a": true,
		"arn:aws:sts::111122223333:assumed-role/none/s": true,
	} {
		p, err := Parse(KeyPolicy, fmt.Appendf(nil, `{"Statement":{"Effect":"Allow","Principal":{"AWS":%q},"Action":"kms:*","Resource":"*"}}`, name))
		require.NoError(t, err)
		got, err := f.MissingPrincipal(ctx, p)
		require.NoError(t, err)
		require.Equal(t, missing, got != "", name)
	}
}
