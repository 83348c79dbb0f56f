package ebsapi

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
	"github.com/stretchr/testify/require"
)

const tokenSnapshot = "snap-0123456789abcdef0"

func tokenAPI(t *testing.T) *api {
	key, err := aead.NewRecordKey(aead.NewSecret(make([]byte, 32)))
	require.NoError(t, err)
	return newAPI(Options{Tokens: key})
}

// asked is a request of an account at a time.
func asked(account string, at time.Time) *awsapi.Request {
	return &awsapi.Request{
		Service: &awsapi.Service{Name: "ebs"}, Operation: "ListSnapshotBlocks", Region: "us-east-1", Time: at,
		Principal: awsapi.Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root"},
		HTTP:      &http.Request{URL: &url.URL{}},
	}
}

// A block token says nothing, ends after seven days, and is one block's of one snapshot
// for one account in one Region.
func TestBlockTokens(t *testing.T) {
	a, now := tokenAPI(t), time.Unix(1_700_000_000, 0)
	r := asked("111122223333", now)
	expires := now.Add(blockTokenLifetime)
	token, err := a.blockToken(r, tokenSnapshot, 7, expires)
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9+/=]{1,256}$`), token)
	again, err := a.blockToken(r, tokenSnapshot, 7, expires)
	require.NoError(t, err)
	require.NotEqual(t, token, again, "sealed anew")

	require.NoError(t, a.checkBlockToken(r, tokenSnapshot, 7, token))
	require.NoError(t, a.checkBlockToken(asked("111122223333", expires), tokenSnapshot, 7, token))
	far := asked("111122223333", now)
	far.Region = "eu-central-1"
	for name, refused := range map[string]error{
		"another block":    a.checkBlockToken(r, tokenSnapshot, 8, token),
		"another snapshot": a.checkBlockToken(r, "snap-00000000000000000", 7, token),
		"another account":  a.checkBlockToken(asked("444455556666", now), tokenSnapshot, 7, token),
		"another Region":   a.checkBlockToken(far, tokenSnapshot, 7, token),
		"too late":         a.checkBlockToken(asked("111122223333", expires.Add(time.Second)), tokenSnapshot, 7, token),
		"cut":              a.checkBlockToken(r, tokenSnapshot, 7, token[:len(token)-4]),
		"nothing":          a.checkBlockToken(r, tokenSnapshot, 7, ""),
		"another key":      tokenAPI(t).checkBlockToken(r, tokenSnapshot, 7, strings.ToLower(token)),
	} {
		require.ErrorContains(t, refused, "The block token is invalid or has expired", name)
	}
}

// A page token ends after an hour, and is one list's of one caller.
func TestPageTokens(t *testing.T) {
	a, now := tokenAPI(t), time.Unix(1_700_000_000, 0)
	token, err := a.next(asked("111122223333", now), ec2.BlockList{Next: 42}, tokenSnapshot)
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9+/=]{1,256}$`), token)
	open := func(r *awsapi.Request, token string, selects ...string) (int64, error) {
		r.HTTP.URL.RawQuery = url.Values{"pageToken": {token}}.Encode()
		from, _, err := a.page(r, selects...)
		return from, err
	}
	from, err := open(asked("111122223333", now.Add(time.Hour)), token, tokenSnapshot)
	require.NoError(t, err)
	require.Equal(t, int64(42), from)
	block, err := a.blockToken(asked("111122223333", now), tokenSnapshot, 42, now.Add(time.Hour))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		r        *awsapi.Request
		token    string
		snapshot string
	}{
		"too late":         {asked("111122223333", now.Add(time.Hour+time.Second)), token, tokenSnapshot},
		"another account":  {asked("444455556666", now), token, tokenSnapshot},
		"another snapshot": {asked("111122223333", now), token, "snap-00000000000000000"},
		"a block's":        {asked("111122223333", now), block, tokenSnapshot},
	} {
		_, err := open(c.r, c.token, c.snapshot)
		require.ErrorContains(t, err, "The page token is invalid or has expired", name)
	}
}
