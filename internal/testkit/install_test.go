package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// bareMachine is a PATH with the shell's own tools, these scripts, and no client.
func bareMachine(t *testing.T, scripts map[string]string) []string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"sh", "tr", "sort", "sed", "head", "tail", "mktemp", "rm"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(dir, name)))
	}
	for name, body := range scripts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700))
	}
	return []string{"PATH=" + dir, "TMPDIR=" + dir}
}

func install(t *testing.T, env []string, what string) (string, int) {
	t.Helper()
	command := exec.Command("/bin/sh", "install-tools.sh", what)
	command.Env = env
	output, err := command.CombinedOutput()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return string(output), command.ProcessState.ExitCode()
}

func TestInstallWithoutRootSaysWhatIsMissing(t *testing.T) {
	output, status := install(t, bareMachine(t, map[string]string{"id": "echo 1000"}), "demo")
	require.Equal(t, 1, status)
	require.Equal(t, "make demo needs the Debian packages: awscli binutils libnbd-bin qemu-utils. Install them, or run this once as root.\n", output)
}

func TestInstallWithoutApt(t *testing.T) {
	output, status := install(t, bareMachine(t, map[string]string{"id": "echo 0"}), "demo")
	require.Equal(t, 1, status)
	require.Contains(t, output, "This machine has no apt-get")
}

func TestInstallSaysWhatItInstalls(t *testing.T) {
	env := bareMachine(t, map[string]string{"id": "echo 0", "apt-get": `echo "$@" >>"$TMPDIR/calls"`})
	output, status := install(t, env, "test")
	require.Equal(t, 0, status, output)
	require.Contains(t, output, "installing Debian packages: awscli binutils busybox-static chromium curl fio fonts-dejavu-core gcc")
	calls, err := os.ReadFile(filepath.Join(env[1][len("TMPDIR="):], "calls"))
	require.NoError(t, err)
	require.Regexp(t, `^update\ninstall -y --no-install-recommends awscli .*skopeo xz-utils( python3-boto3)?\n$`, string(calls))
}

func TestFailedInstallFails(t *testing.T) {
	env := bareMachine(t, map[string]string{"id": "echo 0", "apt-get": "echo no network; exit 100"})
	output, status := install(t, env, "demo")
	require.Equal(t, 1, status)
	require.Contains(t, output, "no network")
	require.Contains(t, output, "could not install: awscli")
}
