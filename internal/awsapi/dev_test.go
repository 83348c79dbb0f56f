package awsapi

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDevCredentials(t *testing.T) {
	d := DevCredentials{keys{}}
	for id, account := range map[string]string{"test": "000000000000", "123456789012": "123456789012"} {
		c, err := d.Lookup(t.Context(), id, "")
		require.NoError(t, err)
		require.Equal(t, "test", c.Secret)
		require.Equal(t, Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Type: "Root"}, c.Principal)
	}
	c, err := d.Lookup(t.Context(), "AKIDROOT", "")
	require.NoError(t, err)
	require.Equal(t, "secret", c.Secret)
	for _, id := range []string{"12345678901", "1234567890123", "12345678901x", "Test", ""} {
		_, err := d.Lookup(t.Context(), id, "")
		require.ErrorIs(t, err, ErrUnknownKey, id)
	}
}
