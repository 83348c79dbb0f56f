package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// TestPostgreSQL runs PostgreSQL on the storage of an Aurora cluster, through nbdfuse and a loop device, and pgbench on
// it; kills the daemon and PostgreSQL with signal 9 in the middle; and finds every transaction that was committed and
// pgbench's books balanced afterwards. A snapshot that was taken meanwhile is restored under another key and recovers too.
func TestPostgreSQL(t *testing.T) {
	if err := testkit.MountsAllowed(); err != nil {
		t.Logf("NOT RUN: this machine does not allow FUSE and loop devices: %v", err)
		return
	}
	install := testkit.Init(t)
	daemon := testkit.Serve(t, install)
	key := daemon.AWS.Query(t, "KeyMetadata.KeyId", "kms", "create-key")
	daemon.AWS.Succeed(t, "rds", "create-db-cluster", "--db-cluster-identifier", "main", "--engine", "aurora-postgresql", "--allocated-storage", "1",
		"--storage-encrypted", "--kms-key-id", key)

	disk := mountVolume(t, daemon, "main")
	testkit.Run(t, "mkfs.ext4", "-F", "-q", "-E", "lazy_itable_init=0", disk.file)
	disk.mount(t)
	base := newPostgres(t, disk.dir)
	base.initialise(t)
	base.start(t)
	base.run(t, "pgbench", "-q", "-i", "-s", "1")
	base.psql(t, "CREATE TABLE ticks (n bigint)")
	bench := base.command(t, "pgbench", "-n", "-c", "4", "-T", "60")
	require.NoError(t, bench.Start())
	committed, ended := base.tick(t)
	reach := func(n int64) {
		testkit.Eventually(t, 30*time.Second, "ticks are committed", func() bool { return committed.Load() > n })
	}
	reach(50)
	inSnapshot := committed.Load()
	daemon.AWS.Succeed(t, "rds", "create-db-cluster-snapshot", "--db-cluster-identifier", "main", "--db-cluster-snapshot-identifier", "running")
	reach(committed.Load() + 50)

	daemon.Kill(t)
	base.kill(t)
	<-ended
	_ = bench.Wait() // its server was killed
	disk.drop(t)
	acknowledged := committed.Load()
	t.Logf("%d ticks were committed, %d of them before the snapshot was asked for", acknowledged, inSnapshot)

	daemon = testkit.Serve(t, install)
	checkPostgres(t, daemon, "main", acknowledged)
	other := daemon.AWS.Query(t, "KeyMetadata.KeyId", "kms", "create-key")
	daemon.AWS.Succeed(t, "rds", "restore-db-cluster-from-snapshot", "--db-cluster-identifier", "back", "--snapshot-identifier", "running",
		"--engine", "aurora-postgresql", "--kms-key-id", other)
	checkPostgres(t, daemon, "back", inSnapshot)
	daemon.Coffer(t, "verify")
	daemon.Stop(t)
}

// checkPostgres recovers PostgreSQL on a cluster's storage and checks its contents.
func checkPostgres(t *testing.T, daemon *testkit.Daemon, cluster string, least int64) {
	t.Helper()
	disk := mountVolume(t, daemon, cluster)
	disk.mount(t)
	base := newPostgres(t, disk.dir)
	_ = os.Remove(filepath.Join(base.data, "postmaster.pid")) // of another life: the number may have a new owner
	base.start(t)
	fields := strings.Split(base.psql(t, "SELECT count(*), coalesce(max(n), 0), count(DISTINCT n) FROM ticks"), "|")
	count, last := fields[0], fields[1]
	require.Equal(t, count, last, "no tick is missing")
	require.Equal(t, count, fields[2], "no tick is there twice")
	n, err := strconv.ParseInt(count, 10, 64)
	require.NoError(t, err)
	require.GreaterOrEqual(t, n, least, "what was committed is there")
	sums := base.psql(t, `SELECT count(DISTINCT s) FROM (SELECT sum(abalance) s FROM pgbench_accounts UNION ALL SELECT sum(tbalance) FROM pgbench_tellers
		UNION ALL SELECT sum(bbalance) FROM pgbench_branches UNION ALL SELECT coalesce(sum(delta), 0) FROM pgbench_history) all_sums`)
	require.Equal(t, "1", sums, "the books of %s balance", cluster)
	base.psql(t, "CREATE EXTENSION IF NOT EXISTS amcheck")
	base.psql(t, "SELECT bt_index_check(indexrelid, true) FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname LIKE 'pgbench%'")
	base.stop(t)
	disk.unmount(t)
	testkit.Run(t, "e2fsck", "-fn", disk.file)
	disk.drop(t)
}

// clusterDisk is the storage of a cluster as a file, and mounted.
type clusterDisk struct {
	file, fuse string
	dir        string // empty: not mounted
	loop       string
	server     *exec.Cmd
}

// mountVolume shows the storage of a cluster as a file.
func mountVolume(t *testing.T, daemon *testkit.Daemon, cluster string) *clusterDisk {
	t.Helper()
	uri := daemon.AWS.Query(t, "DBClusters[0].TagList[?Key=='aws:coffer:nbd-uri'].Value | [0]", "rds", "describe-db-clusters", "--db-cluster-identifier", cluster)
	d := &clusterDisk{fuse: t.TempDir()}
	d.file = filepath.Join(d.fuse, "disk")
	pid := filepath.Join(t.TempDir(), "pid")
	d.server = exec.Command(testkit.Tool(t, "nbdfuse"), "-P", pid, d.file, uri)
	require.NoError(t, d.server.Start())
	t.Cleanup(func() { d.release() })
	testkit.Eventually(t, 30*time.Second, "the storage is a file", func() bool {
		b, _ := os.ReadFile(pid)
		return len(b) > 0
	})
	return d
}

// mount mounts the file system on it, where every user may go.
func (d *clusterDisk) mount(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "base")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	d.loop = strings.TrimSpace(testkit.Run(t, "losetup", "--find", "--show", d.file))
	testkit.Run(t, "mount", d.loop, dir)
	d.dir = dir
}

// unmount unmounts the file system.
func (d *clusterDisk) unmount(t *testing.T) {
	t.Helper()
	testkit.Run(t, "umount", d.dir)
	testkit.Run(t, "losetup", "-d", d.loop)
	require.NoError(t, os.Remove(d.dir))
	d.dir, d.loop = "", ""
}

// drop lets go of everything, also when the storage is gone.
func (d *clusterDisk) drop(t *testing.T) {
	t.Helper()
	d.release()
	mounts, err := os.ReadFile("/proc/mounts")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), d.fuse)
}

func (d *clusterDisk) release() {
	if d.dir != "" {
		for range 50 { // those that were killed may still be ending
			if exec.Command("umount", d.dir).Run() == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		_ = exec.Command("/usr/sbin/losetup", "-d", d.loop).Run()
		_ = os.Remove(d.dir)
		d.dir, d.loop = "", ""
	}
	if d.server != nil {
		_ = exec.Command("umount", d.fuse).Run()
		_ = d.server.Wait()
		d.server = nil
	}
}

// postgres is a PostgreSQL server of its own, run by the user that Debian makes for it.
type postgres struct {
	data, socket string
	user         *syscall.Credential
	server       *exec.Cmd
	ended        <-chan error // how the server ended
}

func newPostgres(t *testing.T, dir string) *postgres {
	t.Helper()
	account, err := user.Lookup("postgres")
	require.NoError(t, err)
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	require.NoError(t, err)
	p := &postgres{data: filepath.Join(dir, "data"), socket: dir, user: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	require.NoError(t, os.Chown(dir, int(uid), int(gid)))
	return p
}

// command is a program of PostgreSQL as its user, for this server.
func (p *postgres) command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(testkit.Tool(t, name), args...)
	c.Dir, c.Env = "/", []string{"PATH=" + os.Getenv("PATH"), "PGHOST=" + p.socket, "PGUSER=postgres", "PGDATABASE=postgres", "LC_ALL=C"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: p.user}
	return c
}

func (p *postgres) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := p.command(t, name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return strings.TrimSpace(string(out))
}

func (p *postgres) initialise(t *testing.T) {
	t.Helper()
	p.run(t, "initdb", "-D", p.data, "-A", "trust", "--data-checksums", "-U", "postgres")
}

// start starts the server, which recovers first if it was killed. It is a child of the test, which reaps it:
// a zombie would look like a server that is still running.
func (p *postgres) start(t *testing.T) {
	t.Helper()
	p.server = p.command(t, "postgres", "-D", p.data, "-c", "listen_addresses=", "-c", "unix_socket_directories="+p.socket,
		"-c", "shared_buffers=16MB", "-c", "checkpoint_timeout=30s")
	var log bytes.Buffer
	p.server.Stderr = &log
	require.NoError(t, p.server.Start())
	t.Cleanup(func() { _ = p.server.Process.Kill() }) // before its file system is unmounted, if the test fails
	ended := make(chan error, 1)
	p.ended = ended
	go func() { ended <- p.server.Wait() }()
	testkit.Eventually(t, 60*time.Second, "PostgreSQL accepts connections", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("PostgreSQL ended: %v: %s", err, log.String())
		default:
		}
		return p.command(t, "psql", "-X", "-q", "-c", "SELECT 1").Run() == nil
	})
}

func (p *postgres) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.server.Process.Signal(syscall.SIGINT)) // a fast shutdown
	require.NoError(t, <-p.ended)
}

// kill ends the server and all of its processes with signal 9.
func (p *postgres) kill(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if at, err := os.Readlink(filepath.Join("/proc", entry.Name(), "cwd")); err == nil && at == p.data {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
	}
	require.Error(t, <-p.ended)
}

func (p *postgres) psql(t *testing.T, statement string) string {
	t.Helper()
	return p.run(t, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement)
}

// tick commits one number after another until the server is gone, and says which was committed last.
func (p *postgres) tick(t *testing.T) (committed *atomic.Int64, ended chan struct{}) {
	t.Helper()
	committed, ended = &atomic.Int64{}, make(chan struct{})
	c := p.command(t, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	go func() {
		defer close(ended)
		defer func() { _ = c.Wait() }() // its server was killed
		defer in.Close()
		for n := int64(1); ; n++ {
			if _, err := fmt.Fprintf(in, "INSERT INTO ticks VALUES (%d) RETURNING n;\n", n); err != nil {
				return
			}
			var got int64
			if _, err := fmt.Fscan(out, &got); err != nil || got != n {
				return
			}
			committed.Store(n)
		}
	}()
	return committed, ended
}
