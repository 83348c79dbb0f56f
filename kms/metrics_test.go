package kms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

func TestMetrics(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	require.NoError(t, w.may(w.root, key.ID, nil))
	require.ErrorIs(t, w.may(user(account, "u"), key.ID, nil), kms.ErrAccessDenied)
	require.NoError(t, w.RecordMalformed(ctx, w.root, "chosen-by-a-client", "SerializationException", ""))
	m := w.Metrics()
	require.Equal(t, []kms.CallMetric{
		{Operation: "CreateKey", Count: 1}, {Operation: "Decrypt", Count: 1}, {Operation: "Decrypt", Code: "AccessDeniedException", Count: 1},
		{Operation: "Encrypt", Count: 2}, {Operation: "malformed", Code: "SerializationException", Count: 1},
	}, m.Calls)
	require.Equal(t, 1, m.MaterialCache.Entries)
	require.Positive(t, m.KeyCache.Hits)
	require.Equal(t, 1, m.UnsavedUses)
	require.NoError(t, w.EnableKeyRotation(ctx, w.root, kms.EnableKeyRotationInput{KeyID: key.ID}))
	w.clock.days(365)
	require.NoError(t, w.Tick(ctx))
	_, err := w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: key.ID})
	require.NoError(t, err)
	w.clock.days(30)
	require.NoError(t, w.Tick(ctx))
	m = w.Metrics()
	require.EqualValues(t, 1, m.RotationsRun)
	require.EqualValues(t, 1, m.KeysErased)
}
