package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// auditFiles are the files of an install's trail, oldest first.
func auditFiles(t *testing.T, install testkit.Install) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(install.Dir, auditName, "audit-*.jsonl"))
	require.NoError(t, err)
	return files
}

// TestAuditRotatesAndVerifies writes more than a file's size: the chain goes on through
// the files, and a changed, cut or missing one is found.
func TestAuditRotatesAndVerifies(t *testing.T) {
	install := testkit.Init(t)
	daemon := testkit.Serve(t, install, "--audit-file-mib", "1")
	c := newKMSClient(daemon)
	key := c.newKey(t)
	blob := c.must(t, "Encrypt", members{"KeyId": key, "Plaintext": "c2VjcmV0LW1hcmtlcg=="})["CiphertextBlob"]
	for i := 0; len(auditFiles(t, install)) < 3; i++ {
		require.Less(t, i, 10_000)
		c.must(t, "Decrypt", members{"CiphertextBlob": blob})
	}
	require.Contains(t, daemon.Coffer(t, "audit", "verify"), "in 3 file(s), one chain")
	daemon.Stop(t)
	require.Contains(t, install.CofferCommand("audit", "verify").Succeed(t), "in 3 file(s), one chain")

	files := auditFiles(t, install)
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotContains(t, string(text), blob)
		require.NotContains(t, string(text), "c2VjcmV0LW1hcmtlcg")
	}
	whole, err := os.ReadFile(files[1])
	require.NoError(t, err)
	changed := bytes.Replace(whole, []byte(`"eventName":"Decrypt"`), []byte(`"eventName":"Encrypt"`), 1)
	cut := whole[:bytes.LastIndexByte(whole[:len(whole)-1], '\n')+1]
	for name, content := range map[string][]byte{"changed": changed, "cut": cut} {
		require.NoError(t, os.WriteFile(files[1], content, 0o600))
		install.CofferCommand("audit", "verify").Fail(t)
		require.NoError(t, os.WriteFile(files[1], whole, 0o600), name)
	}
	install.CofferCommand("audit", "verify").Succeed(t)
}

// TestAuditDiskFull limits the size of files under the running daemon to that of its
// trail: calls are refused until there is room again, or with --audit-on-error=drop go
// on and are counted.
func TestAuditDiskFull(t *testing.T) {
	for _, policy := range []string{"fail", "drop"} {
		t.Run(policy, func(t *testing.T) {
			install := testkit.Init(t)
			daemon := testkit.Serve(t, install, "--audit-on-error", policy)
			c := newKMSClient(daemon)
			key := c.newKey(t)
			blob := c.must(t, "Encrypt", members{"KeyId": key, "Plaintext": "eA=="})["CiphertextBlob"]
			for range 1200 { // the trail becomes the largest file that is written to
				c.must(t, "Decrypt", members{"CiphertextBlob": blob})
			}
			info, err := os.Stat(auditFiles(t, install)[0])
			require.NoError(t, err)
			limit := func(size string) {
				testkit.Run(t, "prlimit", "--pid", fmt.Sprint(daemon.PID()), "--fsize="+size+":unlimited")
			}
			limit(fmt.Sprint(info.Size()))
			_, err = c.call("Decrypt", members{"CiphertextBlob": blob})
			if policy == "drop" {
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, readyStatus(t, daemon))
			} else {
				var refused *refusedCall
				require.True(t, errors.As(err, &refused))
				require.Equal(t, http.StatusInternalServerError, refused.Status)
				require.Equal(t, "KMSInternalException", refused.Type)
				_, err = c.call("CreateKey", members{})
				require.Error(t, err)
			}
			limit("unlimited")
			c.must(t, "DescribeKey", members{"KeyId": key})
			require.Contains(t, daemon.Coffer(t, "audit", "verify"), "one chain")
			text, err := os.ReadFile(auditFiles(t, install)[0])
			require.NoError(t, err)
			require.Equal(t, policy == "drop", bytes.Contains(text, []byte(`{"cofferAudit":{"dropped":1}`)))
			daemon.Stop(t)
		})
	}
}

// follower is a running coffer audit tail --follow.
type follower struct {
	mu    sync.Mutex // guards lines
	lines []map[string]any
}

func follow(t *testing.T, install testkit.Install, flags ...string) *follower {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	command := exec.CommandContext(ctx, testkit.Tool(t, "coffer"), append([]string{"audit", "tail", "--data-dir", install.Dir, "--follow", "--json", "--lines", "0"}, flags...)...)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	f, read := &follower{}, make(chan struct{})
	go func() {
		defer close(read)
		lines := json.NewDecoder(out)
		for {
			var line map[string]any
			if lines.Decode(&line) != nil {
				return
			}
			f.mu.Lock()
			f.lines = append(f.lines, line)
			f.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		stop()
		<-read
		_ = command.Wait() // it was killed
	})
	return f
}

func (f *follower) names() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, line := range f.lines {
		name := line["eventName"].(string)
		if code, ok := line["errorCode"].(string); ok {
			name += "!" + code
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// TestAuditFollow follows the trail through each filter, from before the events happen.
func TestAuditFollow(t *testing.T) {
	install := testkit.Init(t)
	daemon := testkit.Serve(t, install)
	c := newKMSClient(daemon)
	one, two := c.newKey(t), c.newKey(t)
	byKey := follow(t, install, "--key", one)
	byContext := follow(t, install, "--context", "tenant=a")
	byError := follow(t, install, "--error", "DisabledException")
	byPrincipal := follow(t, install, "--principal", daemon.AWS.AccessKeyID, "--event", "DescribeKey")
	byNobody := follow(t, install, "--principal", "nobody")

	for _, key := range []string{one, two} {
		c.must(t, "Encrypt", members{"KeyId": key, "Plaintext": "eA==", "EncryptionContext": members{"tenant": "a", "n": "1"}})
	}
	c.must(t, "Encrypt", members{"KeyId": two, "Plaintext": "eA==", "EncryptionContext": members{"tenant": "b"}})
	c.must(t, "DisableKey", members{"KeyId": two})
	_, err := c.call("Encrypt", members{"KeyId": two, "Plaintext": "eA=="})
	require.Error(t, err)
	c.must(t, "DescribeKey", members{"KeyId": one})
	for want, f := range map[string]*follower{
		"CreateKey Encrypt DescribeKey": byKey,
		"Encrypt Encrypt":               byContext,
		"Encrypt!DisabledException":     byError,
		"DescribeKey":                   byPrincipal,
	} {
		testkit.Eventually(t, testkit.ReadyTimeout, want, func() bool { return f.names() == want })
	}
	require.Empty(t, byNobody.names())
	daemon.Stop(t)
}
