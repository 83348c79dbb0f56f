package testkit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ToolTimeout bounds one run of a client; a hung server must fail a test, not stall it.
const ToolTimeout = 2 * time.Minute

// systemPath is where Debian keeps tools such as mke2fs, which PATH of a user may lack.
const systemPath = "/usr/sbin:/sbin"

// serverPath is where Debian keeps the programs of PostgreSQL, whatever its version.
const serverPath = "/usr/lib/postgresql/*/bin"

// Tool returns the path of a client program, or fails the test.
func Tool(t testing.TB, name string) string {
	t.Helper()
	found, err := findTool(name)
	if err != nil {
		t.Fatalf("%s is missing; `sh internal/testkit/install-tools.sh test` installs it", name)
	}
	return found
}

func findTool(name string) (string, error) {
	if found, err := exec.LookPath(name); err == nil {
		return found, nil
	}
	servers, err := filepath.Glob(serverPath)
	if err != nil {
		return "", err
	}
	for _, dir := range append(filepath.SplitList(systemPath), servers...) {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", exec.ErrNotFound
}

// Result is how a client program ended.
type Result struct {
	Stdout, Stderr string
	Status         int // exit status; -1 when the time limit or a signal ended it
}

// Command is one run of a client program.
type Command struct {
	Name  string
	Args  []string
	Env   []string // added to the environment of the test
	Stdin string
}

// Do runs the command to its end, whatever its exit status.
func (c Command) Do(t testing.TB) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), ToolTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, Tool(t, c.Name), c.Args...)
	command.WaitDelay = time.Second // a grandchild may hold the pipes open
	command.Env = append(os.Environ(), c.Env...)
	command.Stdin = strings.NewReader(c.Stdin)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if command.ProcessState == nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	if ctx.Err() != nil {
		t.Errorf("%s did not end within %v", c, ToolTimeout)
	}
	return Result{stdout.String(), stderr.String(), command.ProcessState.ExitCode()}
}

// String shows the command line; it is for messages, not for a shell.
func (c Command) String() string { return c.Name + " " + strings.Join(c.Args, " ") }

// Run runs a client program that must succeed and returns its standard output.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	return Command{Name: name, Args: args}.Succeed(t)
}

// Succeed runs the command, which must exit 0, and returns its standard output.
func (c Command) Succeed(t testing.TB) string {
	t.Helper()
	result := c.Do(t)
	if result.Status != 0 {
		t.Fatalf("%s: exit status %d\n%s%s", c, result.Status, result.Stdout, result.Stderr)
	}
	return result.Stdout
}

// Fail runs the command, which must not exit 0, and returns its standard error.
func (c Command) Fail(t testing.TB) string {
	t.Helper()
	result := c.Do(t)
	if result.Status == 0 {
		t.Fatalf("%s succeeded: %s", c, result.Stdout)
	}
	return result.Stderr
}

// Eventually polls until the condition holds, or fails the test after limit.
func Eventually(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// ShortTempDir is a temporary directory whose path leaves room for the name of a unix
// socket (at most 108 bytes on Linux), which t.TempDir's may not.
func ShortTempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "coffer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(fmt.Errorf("remove %s: %w", dir, err))
		}
	})
	return dir
}
