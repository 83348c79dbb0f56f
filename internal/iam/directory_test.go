package iam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/meta"
	"github.com/stretchr/testify/require"
)

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
		got, err := f.MissingPrincipal(ctx, p.Principals())
		require.NoError(t, err)
		require.Equal(t, missing, got != "", name)
	}
}
