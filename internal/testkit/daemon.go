package testkit

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// ReadyTimeout bounds the start and the stop of a daemon.
const ReadyTimeout = 30 * time.Second

// Install is a data directory made by coffer init, and the credential of its first account.
type Install struct {
	Dir     string
	RootKey string // the root key file
	AWS     AWS    // without an endpoint; Daemon has one
}

// Init runs coffer init with further flags on a new directory.
func Init(t testing.TB, flags ...string) Install {
	t.Helper()
	return InitAt(t, filepath.Join(ShortTempDir(t), "data"), flags...)
}

// InitAt is Init on a directory of the caller's choice.
func InitAt(t testing.TB, dir string, flags ...string) Install {
	t.Helper()
	args := append([]string{"init", "--data-dir", dir, "--json"}, flags...)
	var made struct {
		RootKeyFile     string `json:"rootKeyFile"`
		AccessKeyID     string `json:"accessKeyId"`
		SecretAccessKey string `json:"secretAccessKey"`
		Region          string `json:"region"`
	}
	if err := json.Unmarshal([]byte(Run(t, "coffer", args...)), &made); err != nil {
		t.Fatal(err)
	}
	return Install{Dir: dir, RootKey: made.RootKeyFile, AWS: AWS{
		AccessKeyID: made.AccessKeyID, SecretAccessKey: made.SecretAccessKey, Region: made.Region,
	}}
}

// Daemon is a running coffer serve. Without Stop or Kill the end of the test kills it.
type Daemon struct {
	Install
	API   string // base URL
	Admin string // base URL
	NBD   string // path of the socket

	command *exec.Cmd
	ended   chan error
	log     string
}

// Serve starts the daemon on free loopback ports and waits until it answers.
// Flags come after the defaults, so that they can replace them.
func Serve(t testing.TB, install Install, flags ...string) *Daemon {
	t.Helper()
	d := &Daemon{Install: install, ended: make(chan error, 1), log: filepath.Join(ShortTempDir(t), "log")}
	d.command = serveCommand(t, install, flags)
	log, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.command.Stderr = log
	if err := d.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.ended <- d.command.Wait() }()
	t.Cleanup(func() { d.cleanUp(t) })
	Eventually(t, ReadyTimeout, "the daemon answers", func() bool { return d.ready(t) })
	d.AWS.Endpoint = d.API
	return d
}

// serveCommand is the command line of coffer serve.
func serveCommand(t testing.TB, install Install, flags []string) *exec.Cmd {
	args := []string{"serve", "--data-dir", install.Dir, "--api", "127.0.0.1:0", "--admin", "127.0.0.1:0"}
	elsewhere := func(flag string) bool {
		return slices.Contains([]string{"--root-key-file", "--passphrase-file", "--root-key-env", "--unseal", "--sealed"}, flag)
	}
	if install.RootKey != "" && !slices.ContainsFunc(flags, elsewhere) {
		args = append(args, "--root-key-file", install.RootKey)
	}
	return exec.Command(Tool(t, "coffer"), append(args, flags...)...)
}

// ready asks for the addresses; it fails the test if the daemon has ended.
func (d *Daemon) ready(t testing.TB) bool {
	select {
	case err := <-d.ended:
		d.ended <- err
		t.Fatalf("coffer serve ended: %v\n%s", err, d.Log(t))
	default:
	}
	output, err := exec.Command(Tool(t, "coffer"), "status", "--data-dir", d.Dir, "--json").Output()
	if err != nil {
		return false
	}
	var status struct {
		API   string   `json:"api"`
		Admin string   `json:"admin"`
		NBD   []string `json:"nbd"`
	}
	if err := json.Unmarshal(output, &status); err != nil || status.API == "" {
		return false
	}
	d.API, d.Admin = status.API, status.Admin
	if len(status.NBD) > 0 {
		d.NBD = string(bytes.TrimPrefix([]byte(status.NBD[0]), []byte("unix:")))
	}
	return true
}

// Stop ends the daemon as an operator does; it must close everything and exit 0.
func (d *Daemon) Stop(t testing.TB) {
	t.Helper()
	if err := d.end(t, syscall.SIGTERM); err != nil {
		t.Fatalf("coffer serve: %v\n%s", err, d.Log(t))
	}
}

// Kill ends the daemon without warning, as a crash of the process does.
func (d *Daemon) Kill(t testing.TB) {
	t.Helper()
	_ = d.end(t, syscall.SIGKILL) // killed is not a clean exit
}

func (d *Daemon) end(t testing.TB, signal syscall.Signal) error {
	t.Helper()
	_ = d.command.Process.Signal(signal) // it may have ended already
	select {
	case err := <-d.ended:
		d.ended <- err
		return err
	case <-time.After(ReadyTimeout):
		_ = d.command.Process.Kill()
		t.Fatalf("coffer serve did not end within %v of %v\n%s", ReadyTimeout, signal, d.Log(t))
		return nil
	}
}

func (d *Daemon) cleanUp(t testing.TB) {
	_ = d.end(t, syscall.SIGKILL) // a test that stopped it has seen its status already
	if t.Failed() {
		t.Logf("log of coffer serve:\n%s", d.Log(t))
	}
}

// Log returns what the daemon has logged so far.
func (d *Daemon) Log(t testing.TB) string {
	content, err := os.ReadFile(d.log)
	if err != nil {
		t.Errorf("log of the daemon: %v", err)
	}
	return string(content)
}

// PID is the process id of the daemon.
func (d *Daemon) PID() int { return d.command.Process.Pid }

// Coffer runs a client command on the daemon's directory and returns its output.
func (d *Daemon) Coffer(t testing.TB, args ...string) string {
	t.Helper()
	return d.CofferCommand(args...).Succeed(t)
}

// CofferCommand is a client command on the install's directory: its words, then --data-dir.
func (i Install) CofferCommand(args ...string) Command {
	return Command{Name: "coffer", Args: append(args, "--data-dir", i.Dir)}
}
