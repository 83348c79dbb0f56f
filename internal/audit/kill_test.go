package audit

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fileAnchor is an AnchorStore in a file that is replaced as a whole.
type fileAnchor string

func (a fileAnchor) Load(context.Context) ([]byte, error) {
	b, err := os.ReadFile(string(a))
	if os.IsNotExist(err) {
		return nil, nil
	}
	return b, err
}

func (a fileAnchor) Save(_ context.Context, v []byte) error {
	if err := os.WriteFile(string(a)+".new", v, 0o600); err != nil {
		return err
	}
	return os.Rename(string(a)+".new", string(a))
}

const killDirVariable = "COFFER_AUDIT_KILL_DIR"

// TestKill kills a writing process again and again: every event that it had
// acknowledged is in the log.
func TestKill(t *testing.T) {
	if dir := os.Getenv(killDirVariable); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	dir := t.TempDir()
	o := Options{Dir: filepath.Join(dir, "audit"), Key: testKey(t), Anchor: fileAnchor(filepath.Join(dir, "anchor")), MaxFileBytes: 100_000}
	acked := map[string]bool{}
	for range 6 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), killDirVariable+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		time.AfterFunc(150*time.Millisecond, func() { cmd.Process.Kill() })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if id := lines.Text(); strings.HasPrefix(id, "r-") && len(id) == len("r-000000-000000") {
				acked[id] = true
			}
		}
		cmd.Wait()
		l := open(t, o)
		_, err = l.Verify(context.Background())
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
	require.NotEmpty(t, acked)
	found := map[string]bool{}
	for _, id := range events(t, OS{}, o.Dir) {
		require.False(t, found[id], "%s twice", id)
		found[id] = true
	}
	for id := range acked {
		require.True(t, found[id], "%s was acknowledged and is lost", id)
	}
	t.Logf("%d acknowledged, %d found", len(acked), len(found))
}

func writeUntilKilled(t *testing.T, dir string) {
	l := open(t, Options{
		Dir: filepath.Join(dir, "audit"), Key: testKey(t), Anchor: fileAnchor(filepath.Join(dir, "anchor")),
		MaxFileBytes: 100_000, SyncEvery: time.Millisecond,
	})
	for i := 0; ; i++ {
		id := fmt.Sprintf("r-%06d-%06d", os.Getpid()%1_000_000, i)
		require.NoError(t, l.Record(context.Background(), fmt.Appendf(nil, `{"requestID":"%s"}`, id)))
		fmt.Println(id)
	}
}
