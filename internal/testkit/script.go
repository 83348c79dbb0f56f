package testkit

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Scripts runs every script (*.txtar) of a directory. The package's TestMain must
// register the command coffer with testscript.Main. Besides the standard commands:
//
//	init [flags]     make a data directory; $DATA is it, $ROOTKEY its key file
//	serve [flags]    start the daemon on it; $ENDPOINT, $ADMIN and $NBD are its addresses
//	dev [flags]      start the daemon with --dev on a new directory, as the account of zeros
//	stop, crash      end it with SIGTERM (it must exit 0) or SIGKILL
//	aws ARGS         the AWS CLI as the first account, against $ENDPOINT
//	boto3 FILE       a Python program as that account
//	decode FILE      FILE becomes the base64-decoded standard output of the last command
//	set NAME         NAME becomes the trimmed standard output of the last command
//
// With COFFER_UPDATE_SCRIPTS=1 a failing cmp rewrites the script.
func Scripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		Setup:               setUpScript,
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("COFFER_UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"init": scriptInit, "serve": scriptServe, "dev": scriptDev, "stop": scriptStop, "crash": scriptCrash,
			"aws": scriptAWS, "boto3": scriptBoto3, "set": scriptSet, "decode": scriptDecode,
		},
	})
}

// scriptState is what one script has made so far.
type scriptState struct {
	t       testing.TB
	install Install
	daemon  *Daemon
}

type stateKey struct{}

func setUpScript(env *testscript.Env) error {
	t, ok := env.T().(testing.TB)
	if !ok {
		return errors.New("testkit: a script runs outside of go test")
	}
	env.Values[stateKey{}] = &scriptState{t: t}
	env.Setenv("PATH", env.Getenv("PATH")+":"+systemPath)
	env.Setenv("HOME", os.Getenv("HOME")) // version managers of Python look there
	return nil
}

func stateOf(ts *testscript.TestScript) *scriptState { return ts.Value(stateKey{}).(*scriptState) }

// running is the state of a script whose daemon runs.
func running(ts *testscript.TestScript) *scriptState {
	state := stateOf(ts)
	if state.daemon == nil {
		ts.Fatalf("no daemon: use serve first")
	}
	return state
}

func scriptInit(ts *testscript.TestScript, neg bool, args []string) {
	refuseNegation(ts, neg, "init")
	state := stateOf(ts)
	state.install = Init(state.t, args...)
	ts.Setenv("DATA", state.install.Dir)
	ts.Setenv("ROOTKEY", state.install.RootKey)
}

func scriptDev(ts *testscript.TestScript, neg bool, args []string) {
	state := stateOf(ts)
	state.install = Install{Dir: filepath.Join(ShortTempDir(state.t), "data"), AWS: AWS{AccessKeyID: "test", SecretAccessKey: "test", Region: "us-east-1"}}
	ts.Setenv("DATA", state.install.Dir)
	scriptServe(ts, neg, append([]string{"--dev"}, args...))
}

func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	refuseNegation(ts, neg, "serve")
	state := stateOf(ts)
	state.daemon = Serve(state.t, state.install, args...)
	ts.Setenv("ENDPOINT", state.daemon.API)
	ts.Setenv("ADMIN", state.daemon.Admin)
	ts.Setenv("NBD", state.daemon.NBD)
	for _, variable := range state.daemon.AWS.environment() {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
}

func scriptStop(ts *testscript.TestScript, neg bool, _ []string) {
	refuseNegation(ts, neg, "stop")
	state := running(ts)
	state.daemon.Stop(state.t)
	state.daemon = nil
}

func scriptCrash(ts *testscript.TestScript, neg bool, _ []string) {
	refuseNegation(ts, neg, "crash")
	state := running(ts)
	state.daemon.Kill(state.t)
	state.daemon = nil
}

func scriptAWS(ts *testscript.TestScript, neg bool, args []string) {
	endpoint := running(ts).daemon.API
	scriptRun(ts, neg, Tool(stateOf(ts).t, "aws"), append([]string{"--endpoint-url", endpoint}, args...)...)
}

func scriptBoto3(ts *testscript.TestScript, neg bool, args []string) {
	scriptRun(ts, neg, boto3Python(running(ts).t), args...)
}

func scriptRun(ts *testscript.TestScript, neg bool, name string, args ...string) {
	err := ts.Exec(name, args...)
	if err != nil && !neg {
		ts.Fatalf("%s: %v", name, err)
	}
	if err == nil && neg {
		ts.Fatalf("%s succeeded", name)
	}
}

func scriptSet(ts *testscript.TestScript, neg bool, args []string) {
	refuseNegation(ts, neg, "set")
	if len(args) != 1 {
		ts.Fatalf("usage: set NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

func scriptDecode(ts *testscript.TestScript, neg bool, args []string) {
	refuseNegation(ts, neg, "decode")
	if len(args) != 1 {
		ts.Fatalf("usage: decode FILE")
	}
	content, err := base64.StdEncoding.DecodeString(strings.TrimSpace(ts.ReadFile("stdout")))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o600))
}

func refuseNegation(ts *testscript.TestScript, neg bool, name string) {
	if neg {
		ts.Fatalf("%s cannot be negated; use exec coffer", name)
	}
}
