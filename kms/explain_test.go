package kms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

func TestExplain(t *testing.T) {
	w := newWorld(t)
	key, u := w.key(), user(account, "u")
	events := len(w.trail.events)
	q := kms.Question{Operation: "Decrypt", KeyID: key.ID, EncryptionContext: pairs{"dept": "it"}}
	out, err := w.Explain(ctx, u, q)
	require.NoError(t, err)
	require.False(t, out.Allowed)
	require.Contains(t, out.Reason, "no identity policy allows it")
	require.Contains(t, out.Message, "is not authorized to perform: kms:Decrypt")
	require.NotEmpty(t, out.Trace)
	require.Equal(t, kms.Enabled, out.State)

	q.Policy = `{"Version":"2012-10-17","Statement":[{"Sid":"It","Effect":"Allow","Principal":{"AWS":"` + u.ARN + `"},"Action":"kms:Decrypt","Resource":"*",
		"Condition":{"StringEquals":{"kms:EncryptionContext:dept":"it"}}}]}`
	out, err = w.Explain(ctx, u, q)
	require.NoError(t, err)
	require.True(t, out.Allowed)
	require.Equal(t, `allowed by statement 0 (Sid "It") of key policy default`, out.Reason)
	require.ErrorIs(t, w.may(u, key.ID, q.EncryptionContext), kms.ErrAccessDenied, "asking changes nothing")
	require.Len(t, w.trail.events, events+2, "and is not recorded")

	q.EncryptionContext["dept"] = "hr"
	out, err = w.Explain(ctx, u, q)
	require.NoError(t, err)
	require.False(t, out.Allowed)
	require.Contains(t, out.Trace[0], "kms:EncryptionContext:dept")

	q.Policy = "{"
	_, err = w.Explain(ctx, u, q)
	require.ErrorIs(t, err, kms.ErrMalformedPolicy)
	out, err = w.Explain(ctx, w.root, kms.Question{Operation: "ListKeys"})
	require.NoError(t, err)
	require.True(t, out.Allowed)
}
