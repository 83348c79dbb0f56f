package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// testEnvironment has an empty standard input and these variables.
func testEnvironment(t *testing.T, variables map[string]string) *environment {
	t.Helper()
	stdin, err := os.Open(os.DevNull)
	require.NoError(t, err)
	t.Cleanup(func() { stdin.Close() })
	return &environment{stdin, t.Output(), t.Output(), func(name string) string { return variables[name] }}
}

func TestFlagsComeBeforeEnvironmentBeforeConfigBeforeDefault(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(config, []byte("# coffer\nregion = eu-west-1\nnbd-list = off\nadmin=off\nnbd = unix:/a\nnbd = unix:/b\n"), 0o600))
	env := testEnvironment(t, map[string]string{"COFFER_REGION": "eu-west-2", "COFFER_NBD_LIST": "off", "COFFER_DATA_DIR": "/data"})
	o, err := parseServe(env, []string{"--config", config, "--nbd-list", "on"})
	require.NoError(t, err)
	require.Equal(t, "on", o.nbdList)
	require.Equal(t, "eu-west-2", o.region)
	require.Equal(t, "off", o.admin)
	require.Equal(t, stringList{"unix:/a", "unix:/b"}, o.nbd)
	require.Equal(t, defaultAPI, o.api)
	require.Equal(t, "/data", o.dataDir)
}

func TestListsInTheEnvironment(t *testing.T) {
	env := testEnvironment(t, map[string]string{"COFFER_NBD": "unix:/a,127.0.0.1:10809"})
	o, err := parseServe(env, []string{"--data-dir", "d"})
	require.NoError(t, err)
	require.Equal(t, stringList{"unix:/a", "127.0.0.1:10809"}, o.nbd)
}

func TestWrongUsage(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(config, []byte("colour = red\n"), 0o600))
	for name, args := range map[string][]string{
		"no directory":          {},
		"unknown flag":          {"--data-dir", "d", "--colour", "red"},
		"operand":               {"--data-dir", "d", "extra"},
		"unknown choice":        {"--data-dir", "d", "--nbd-list", "maybe"},
		"two root keys":         {"--data-dir", "d", "--root-key-file", "a", "--passphrase-file", "b"},
		"stdio without volume":  {"--data-dir", "d", "--stdio"},
		"dev with a key":        {"--data-dir", "d", "--dev", "--root-key-file", "a"},
		"dev beyond loopback":   {"--data-dir", "d", "--dev", "--api", "0.0.0.0:1"},
		"unknown in the config": {"--data-dir", "d", "--config", config},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseServe(testEnvironment(t, nil), args)
			require.ErrorAs(t, err, new(usageError))
		})
	}
}

func TestFlagsAndOperandsMayMix(t *testing.T) {
	f := newFlags(testEnvironment(t, nil), "volume attach", "VOLUME").withJSON()
	operands, err := f.parse([]string{"vol-1", "--data-dir", "d", "--json"}, 1)
	require.NoError(t, err)
	require.Equal(t, []string{"vol-1"}, operands)
	require.True(t, f.json)

	f = newFlags(testEnvironment(t, nil), "volume attach", "VOLUME")
	operands, err = f.parse([]string{"--data-dir", "d", "--", "--json"}, 1)
	require.NoError(t, err)
	require.Equal(t, []string{"--json"}, operands)
}

func TestExitStatus(t *testing.T) {
	env := testEnvironment(t, nil)
	for _, test := range []struct {
		args   []string
		status int
	}{
		{[]string{"version"}, 0},
		{[]string{"help"}, 0},
		{[]string{"status", "--help"}, 0},
		{nil, 2},
		{[]string{"volume"}, 2},
		{[]string{"version", "extra"}, 2},
		{[]string{"status"}, 2},
		{[]string{"status", "--data-dir", t.TempDir()}, 1},
	} {
		require.Equal(t, test.status, run(t.Context(), env, test.args), "%v", test.args)
	}
}
