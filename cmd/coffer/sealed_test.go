package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// readyStatus asks the admin listener.
func readyStatus(t *testing.T, daemon *testkit.Daemon) int {
	t.Helper()
	answer, err := http.Get(daemon.Admin + "/readyz")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

// requireSealed: the daemon lives, is not ready, and answers every service with a 5xx.
func requireSealed(t *testing.T, daemon *testkit.Daemon) {
	t.Helper()
	require.Equal(t, http.StatusServiceUnavailable, readyStatus(t, daemon))
	alive, err := http.Get(daemon.Admin + "/healthz")
	require.NoError(t, err)
	require.NoError(t, alive.Body.Close())
	require.Equal(t, http.StatusOK, alive.StatusCode)
	call, err := http.NewRequest(http.MethodPost, daemon.API, strings.NewReader("{}"))
	require.NoError(t, err)
	call.Header.Set("X-Amz-Target", "TrentService.ListKeys")
	refused, err := http.DefaultClient.Do(call)
	require.NoError(t, err)
	body, err := io.ReadAll(refused.Body)
	require.NoError(t, errors.Join(err, refused.Body.Close()))
	require.Equal(t, http.StatusInternalServerError, refused.StatusCode)
	require.Contains(t, string(body), "KMSInternalException")
	require.Contains(t, daemon.Coffer(t, "status"), "not ready: coffer is sealed")
	require.Contains(t, daemon.CofferCommand("key", "list").Fail(t), "sealed")
}

// TestServeSealed starts a daemon without its root key and hands it over later.
func TestServeSealed(t *testing.T) {
	secrets := t.TempDir()
	phrase, wrong := filepath.Join(secrets, "phrase"), filepath.Join(secrets, "wrong")
	require.NoError(t, os.WriteFile(phrase, []byte("correct horse\n"), 0o600))
	require.NoError(t, os.WriteFile(wrong, []byte("battery staple\n"), 0o600))
	install := testkit.Init(t, "--passphrase-file", phrase)
	daemon := testkit.Serve(t, install, "--passphrase-file", phrase)
	require.Contains(t, daemon.CofferCommand("unseal", "--passphrase-file", phrase).Fail(t), "not sealed")
	volume := newAttachedVolume(t, daemon)
	daemon.Stop(t)

	daemon = testkit.Serve(t, install, "--sealed")
	requireSealed(t, daemon)
	require.Contains(t, daemon.AWS.Fail(t, "kms", "list-keys"), "(KMSInternalException) when calling the ListKeys operation")
	require.Contains(t, daemon.AWS.Fail(t, "ec2", "describe-volumes"), "(InternalError)")
	_, err := testkit.DialNBD(daemon.NBD, volume)
	require.Error(t, err, "no export without its key")
	require.Contains(t, daemon.CofferCommand("unseal", "--passphrase-file", wrong).Fail(t), "passphrase")
	require.Contains(t, daemon.CofferCommand("unseal", "--root-key-file", filepath.Join(secrets, "absent")).Fail(t), "sealed by passphrase")
	requireSealed(t, daemon)
	require.Equal(t, "unsealed\n", daemon.Coffer(t, "unseal", "--passphrase-file", phrase))
	require.Equal(t, http.StatusOK, readyStatus(t, daemon))
	require.Equal(t, "1", daemon.AWS.Query(t, "length(Volumes)", "ec2", "describe-volumes"))
	dial(t, daemon, volume)
	require.Contains(t, daemon.Coffer(t, "audit", "tail", "--lines", "0"), "coffer:Unseal")
	daemon.Stop(t)

	daemon = testkit.Serve(t, install, "--sealed")
	daemon.Stop(t) // a sealed daemon ends in order too
}

// TestParentKMS serves a directory whose root key is sealed by another daemon.
func TestParentKMS(t *testing.T) {
	parentInstall := testkit.Init(t)
	parent := testkit.Serve(t, parentInstall)
	address := strings.TrimPrefix(parent.API, "http://")
	key := parent.AWS.Query(t, "KeyMetadata.Arn", "kms", "create-key")
	t.Setenv("AWS_ACCESS_KEY_ID", parent.AWS.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", parent.AWS.SecretAccessKey)
	seal := []string{"--unseal", "kms:" + key, "--unseal-endpoint", parent.API}

	install := testkit.Init(t, seal...)
	child := testkit.Serve(t, install, seal...)
	mine := child.AWS.Query(t, "KeyMetadata.KeyId", "kms", "create-key", "--description", "kept")
	child.Stop(t)
	// The parent's trail says whose root key was opened, under the store's own context.
	require.Contains(t, parent.Coffer(t, "audit", "tail", "--event", "Decrypt"), "coffer:store=")

	// A parent that refuses keeps the child sealed until it no longer does.
	parent.AWS.Succeed(t, "kms", "disable-key", "--key-id", key)
	child = testkit.Serve(t, install, seal...)
	requireSealed(t, child)
	require.Contains(t, child.Coffer(t, "status"), "DisabledException")
	parent.AWS.Succeed(t, "kms", "enable-key", "--key-id", key)
	testkit.Eventually(t, testkit.ReadyTimeout, "the child asks again", func() bool { return readyStatus(t, child) == http.StatusOK })
	require.Equal(t, "kept", child.AWS.Query(t, "KeyMetadata.Description", "kms", "describe-key", "--key-id", mine))
	child.Stop(t)

	// So does a parent that is not there.
	parent.Stop(t)
	child = testkit.Serve(t, install, seal...)
	requireSealed(t, child)
	parent = testkit.Serve(t, parentInstall, "--api", address)
	testkit.Eventually(t, testkit.ReadyTimeout, "the child reaches its parent", func() bool { return readyStatus(t, child) == http.StatusOK })
	child.Stop(t)

	// Another key of the parent, and another directory's blob, open nothing.
	other := parent.AWS.Query(t, "KeyMetadata.Arn", "kms", "create-key")
	wrong := []string{"verify", "--unseal", "kms:" + other, "--unseal-endpoint", parent.API}
	require.Contains(t, install.CofferCommand(wrong...).Fail(t), "it is sealed by "+key)
	second := testkit.Init(t, seal...)
	blob, err := os.ReadFile(filepath.Join(install.Dir, "root.sealed"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(second.Dir, "root.sealed"), blob, 0o600))
	require.Contains(t, second.CofferCommand(append([]string{"verify"}, seal...)...).Fail(t), "not sealed under this root key")

	// To a new root key and then from the parent to a key file; afterwards the parent may go.
	install.CofferCommand(append([]string{"init", "--rotate-root"}, seal...)...).Succeed(t)
	file := filepath.Join(t.TempDir(), "root.key")
	install.CofferCommand(append([]string{"init", "--reseal", "--new-root-key-file", file}, seal...)...).Succeed(t)
	parent.Stop(t)
	install.RootKey = file
	child = testkit.Serve(t, install)
	require.Equal(t, "kept", child.AWS.Query(t, "KeyMetadata.Description", "kms", "describe-key", "--key-id", mine))
}
