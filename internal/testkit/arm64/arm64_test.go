// Package arm64 is a test: the ciphers and the benchmark, cross-compiled for arm64 and run under qemu-user. It is about
// what they answer; emulated times mean nothing, and are marked so.
package arm64

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

const emulator = "qemu-aarch64-static"

// goTool runs the Go command for arm64 in the module's root.
func goTool(t *testing.T, args ...string) {
	t.Helper()
	run := exec.Command("go", args...)
	run.Dir = filepath.Join("..", "..", "..")
	run.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0", "COFFER_TEST_RUNNER="+testkit.Tool(t, emulator))
	out, err := run.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// The vectors, known answers and formats of the ciphers hold on arm64, on every path that the CPU features select.
func TestCiphers(t *testing.T) {
	goTool(t, "test", "-tags", "invariants", "-short", "-exec", testkit.Tool(t, emulator), "./aead", "./internal/binfmt")
}

// coffer bench checks the known answers of every path there, and its report is refused unless it is asked for.
func TestReportsAreMarkedEmulated(t *testing.T) {
	dir := t.TempDir()
	program, report := filepath.Join(dir, "coffer"), filepath.Join(dir, "arm64.json")
	goTool(t, "build", "-o", program, "./cmd/coffer")
	coffer := func(args ...string) testkit.Result {
		return testkit.Command{Name: emulator, Args: append([]string{program}, args...)}.Do(t)
	}
	measured := coffer("bench", "aead", "--runner", testkit.Tool(t, emulator), "--suite", "AES-256-GCM", "--sizes", "4096", "--cores", "1", "--rounds", "20", "--slot", "100us", "--json", report)
	require.Zero(t, measured.Status, measured.Stderr)
	require.Contains(t, measured.Stdout, "EMULATED")
	raw, err := os.ReadFile(report)
	require.NoError(t, err)
	var rep struct {
		Machine struct {
			GOARCH   string
			Emulated bool
		}
		Paths []struct {
			Name         string
			GCM          string
			KnownAnswers int `json:"known_answers"`
		}
		Warnings []string
	}
	require.NoError(t, json.Unmarshal(raw, &rep))
	require.Equal(t, "arm64", rep.Machine.GOARCH)
	require.True(t, rep.Machine.Emulated)
	require.Contains(t, strings.Join(rep.Warnings, "\n"), "emulated")
	require.GreaterOrEqual(t, len(rep.Paths), 3, "with PMULL, without, and without AES instructions")
	for _, path := range rep.Paths {
		require.Positive(t, path.KnownAnswers, path.Name)
	}

	page := filepath.Join(dir, "page.html")
	for _, refused := range [][]string{{"bench", "compare", report, report}, {"bench", "report", report, "--html", page}} {
		got := coffer(refused...)
		require.Equal(t, 1, got.Status, refused)
		require.Contains(t, got.Stderr, "emulation")
		asked := coffer(append(refused, "--emulated")...)
		require.Zero(t, asked.Status, asked.Stderr)
	}
	require.FileExists(t, page)
}
