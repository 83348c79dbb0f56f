package rds_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"coffer.example/blockstore"
	"coffer.example/internal/rds"
	"coffer.example/internal/rds/rdstest"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

var (
	ctx   = context.Background()
	root  = rdstest.Root(rdstest.Account)
	other = rdstest.Root(rdstest.OtherAccount)
)

const (
	recoverable = rds.KeyLost
	terminal    = rds.KeyLostForGood
)

func yes() *bool { b := true; return &b }

// spec is a cluster's, encrypted under a key; empty: the managed one.
func spec(key string) rds.Spec {
	return rds.Spec{Profile: rds.Profile{Engine: "aurora-postgresql", BackupDays: 7}, GiB: 1, Encrypted: yes(), KeyID: key}
}

// standalone is the same of an instance.
func standalone(key string) rds.Spec {
	s := spec(key)
	s.Engine = "postgres"
	return s
}

func newKey(t testing.TB, w *rdstest.World, c kms.Caller, policy string) string {
	t.Helper()
	key, err := w.Keys.CreateKey(ctx, c, kms.CreateKeyInput{Policy: policy})
	require.NoError(t, err)
	return key.ARN
}

// keyPolicy lets accounts use a key as they please.
func keyPolicy(accounts ...string) string {
	list := ""
	for i, account := range accounts {
		if i > 0 {
			list += ","
		}
		list += fmt.Sprintf("%q", "arn:aws:iam::"+account+":root")
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[` + list + `]},"Action":"kms:*","Resource":"*"}]}`
}

func create(t testing.TB, w *rdstest.World, kind rds.Kind, name string, s rds.Spec) rds.Database {
	t.Helper()
	made, err := w.RDS.CreateDatabase(ctx, root, kind, name, s)
	require.NoError(t, err)
	require.Equal(t, rds.Creating, made.State)
	d := database(t, w, root, kind, name)
	require.Equal(t, rds.Available, d.State)
	return d
}

func database(t testing.TB, w *rdstest.World, c kms.Caller, kind rds.Kind, name string) rds.Database {
	t.Helper()
	page, err := w.RDS.Databases(ctx, c, kind, rds.Query{Name: name})
	require.NoError(t, err)
	return page.Items[0]
}

func snapshotNamed(t testing.TB, w *rdstest.World, c kms.Caller, kind rds.Kind, name string) rds.Snapshot {
	t.Helper()
	page, err := w.RDS.Snapshots(ctx, c, kind, rds.SnapshotQuery{Query: rds.Query{Name: name}})
	require.NoError(t, err)
	return page.Items[0]
}

// snapshotOf takes a snapshot of a cluster.
func snapshotOf(t testing.TB, w *rdstest.World, c kms.Caller, cluster, name string) rds.Snapshot {
	t.Helper()
	_, err := w.RDS.CreateSnapshot(ctx, c, rds.Cluster, cluster, name, nil)
	require.NoError(t, err)
	return snapshotNamed(t, w, c, rds.Cluster, name)
}

// copied waits for a copy.
func copied(t testing.TB, w *rdstest.World, c kms.Caller, r rds.CopyRequest) rds.Snapshot {
	t.Helper()
	_, err := w.RDS.CopySnapshot(ctx, c, r)
	require.NoError(t, err)
	var snap rds.Snapshot
	require.Eventually(t, func() bool {
		snap = snapshotNamed(t, w, c, r.Kind, r.Target)
		return snap.State != rds.SnapshotCopying
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, rds.Available, snap.State)
	return snap
}

func offsets() []int64 { return []int64{0, 1 << 20, 64<<20 + 8192, 1<<30 - 4096} }

func content(text string, off int64) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("%-8.8s%08x", text, off)), blockstore.BlockSize/16)
}

// write fills the volume of a database that is served; read checks it.
func write(t testing.TB, w *rdstest.World, d rds.Database, text string) {
	t.Helper()
	device := w.Exports.Device(d.VolumeID)
	require.NotNil(t, device)
	for _, off := range offsets() {
		_, err := device.WriteAt(content(text, off), off)
		require.NoError(t, err)
	}
	require.NoError(t, device.Flush(ctx))
}

func read(t testing.TB, w *rdstest.World, d rds.Database, text string) {
	t.Helper()
	device := w.Exports.Device(d.VolumeID)
	require.NotNil(t, device, "%s is served", d.Name)
	for _, off := range offsets() {
		got := make([]byte, blockstore.BlockSize)
		_, err := device.ReadAt(got, off)
		require.NoError(t, err)
		require.True(t, bytes.Equal(content(text, off), got), "block at %d of %s", off, d.Name)
	}
}

func requireReason(t testing.TB, err error, reason rds.Reason) *rds.Error {
	t.Helper()
	var e *rds.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, reason, e.Reason, err.Error())
	return e
}

func grantsOf(t testing.TB, w *rdstest.World, key string) []kms.Grant {
	t.Helper()
	c := root
	if key[len("arn:aws:kms:us-east-1:")] == rdstest.OtherAccount[0] {
		c = other
	}
	out, err := w.Keys.ListGrants(ctx, c, kms.ListGrantsInput{KeyID: key})
	require.NoError(t, err)
	return out.Grants
}

// records are the keys of all records.
func records(t testing.TB, w *rdstest.World) (out []string) {
	t.Helper()
	require.NoError(t, w.Keys.Store().Scan(ctx, "rds/", "", 0, func(key string, _ []byte, _ uint64) error { out = append(out, key); return nil }))
	return out
}

// requireClean expects that nothing is left: no record, volume or snapshot, and no grant on the keys.
func requireClean(t testing.TB, w *rdstest.World, keys ...string) {
	t.Helper()
	require.Empty(t, records(t, w))
	require.Empty(t, w.Blocks.Volumes())
	require.Empty(t, w.Blocks.Snapshots())
	for _, key := range keys {
		require.Empty(t, grantsOf(t, w, key))
	}
}
