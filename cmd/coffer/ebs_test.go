package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

//go:embed testdata/ebs/*.py
var ebsPrograms embed.FS

// ebsProgram is a program of testdata/ebs, in Python for boto3: it speaks to a daemon of
// its own, and reads data back through NBD. world.py comes before each.
func ebsProgram(t *testing.T, daemon *testkit.Daemon, name string, args ...string) testkit.Command {
	path := filepath.Join(t.TempDir(), name)
	var whole []byte
	for _, part := range []string{"world.py", name} {
		text, err := ebsPrograms.ReadFile("testdata/ebs/" + part)
		require.NoError(t, err)
		whole = append(whole, text...)
	}
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	return daemon.AWS.Boto3(t, "import runpy, sys; runpy.run_path(sys.argv[1])", append([]string{path}, args...)...)
}

// ebsDaemon is a daemon with well-known credentials for any account.
func ebsDaemon(t *testing.T) *testkit.Daemon {
	dir := filepath.Join(testkit.ShortTempDir(t), "data")
	return testkit.Serve(t, testkit.Install{Dir: dir, AWS: testkit.AWS{AccessKeyID: "test", SecretAccessKey: "test", Region: "us-east-1"}}, "--dev")
}

// Each statement of AWS's pages on images has a test of its name.
func TestEBSStatements(t *testing.T) {
	var names []string
	for n := 1; n <= 38; n++ {
		names = append(names, fmt.Sprintf("N%d", n))
	}
	ebsSubtests(t, "statements.py", names...)
}

// Keys that are lost, snapshots that are shared, volumes that are busy or grow.
func TestEBSFlows(t *testing.T) {
	ebsSubtests(t, "flows.py", "KeysFailLater", "KeyLossAndRecovery", "Sharing", "WhatCannotBeShared", "OnlineGrowth", "Busy", "Terraform")
}

// ebsSubtests runs a program that has a function for each name and says how it went.
func ebsSubtests(t *testing.T, program string, names ...string) {
	daemon := ebsDaemon(t)
	result := ebsProgram(t, daemon, program).Do(t)
	require.Zero(t, result.Status, "%s%s", result.Stdout, result.Stderr)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(result.Stdout, "passed "+name+"\n") {
				_, why, _ := strings.Cut(result.Stdout, "failed "+name+"\n")
				why, _, _ = strings.Cut(why, "\nend\n")
				t.Errorf("%s\n%s", why, result.Stderr)
			}
		})
	}
	daemon.Coffer(t, "verify")
	daemon.Stop(t)
}

// Every cell of the decision tables, through every operation that asks them.
func TestEBSTable(t *testing.T) {
	daemon := ebsDaemon(t)
	said := ebsProgram(t, daemon, "table.py").Succeed(t)
	require.Regexp(t, `^rows 1[0-9]{2}\n$`, said)
	daemon.Coffer(t, "verify")
	daemon.Stop(t)
}

// Every block that was acknowledged survives the kill of the daemon, twice.
func TestUploadsSurviveKill(t *testing.T) {
	daemon := ebsDaemon(t)
	state := filepath.Join(t.TempDir(), "state")
	for _, part := range []string{"begin", "go on", "complete"} {
		ebsProgram(t, daemon, "uploads.py", part, state).Succeed(t)
		daemon.Kill(t)
		daemon = testkit.Serve(t, daemon.Install, "--dev")
	}
	daemon.Coffer(t, "verify")
	daemon.Stop(t)
}
