package rds_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.example/internal/rds"
	"coffer.example/internal/rds/rdstest"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// Backups are made after the window has begun, once a day, and go when their period is over, but the
// newest one stays while its database is there.
func TestDailyBackups(t *testing.T) {
	w := rdstest.New(t) // at 12:00
	s := w.Start()
	sp := spec(newKey(t, w, root, ""))
	sp.BackupDays, sp.BackupWindow = 2, "14:00-14:30"
	create(t, w, rds.Cluster, "main", sp)
	off := standalone("")
	off.BackupDays = 0
	create(t, w, rds.Instance, "unsaved", off)
	count := func() int {
		page, err := s.Snapshots(ctx, root, rds.Cluster, rds.SnapshotQuery{Type: "automated"})
		require.NoError(t, err)
		return len(page.Items)
	}
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{time.Hour, 0}, {59 * time.Minute, 0}, {time.Minute, 1}, {10 * time.Minute, 1}, {23 * time.Hour, 1}, {time.Hour, 2}, {24 * time.Hour, 2}, {24 * time.Hour, 3}} {
		w.Pass(step.pass)
		require.NoError(t, s.Tick(ctx))
		require.Equal(t, step.want, count(), w.Now())
	}
	page, err := s.Snapshots(ctx, root, rds.Cluster, rds.SnapshotQuery{})
	require.NoError(t, err)
	require.Regexp(t, `^rds:main-2026-03-0\d-14-\d\d$`, page.Items[0].Name)
	_, err = s.DeleteSnapshot(ctx, root, rds.Cluster, page.Items[0].Name)
	requireReason(t, err, rds.SnapshotState)
	_, err = s.ModifySharing(ctx, root, rds.Cluster, page.Items[0].Name, []string{rdstest.OtherAccount}, nil)
	requireReason(t, err, rds.SnapshotState)
	// A copy of a backup is the user's.
	snap := copied(t, w, root, rds.CopyRequest{Kind: rds.Cluster, Source: page.Items[0].Name, Target: "kept"})
	require.False(t, snap.Automated())

	_, err = s.Stop(ctx, root, rds.Cluster, "main", "")
	require.NoError(t, err)
	w.Pass(30 * 24 * time.Hour)
	require.NoError(t, s.Tick(ctx))
	require.Equal(t, 1, count(), "the newest stays")
	backups, err := s.AutomatedBackups(ctx, root, rds.Cluster)
	require.NoError(t, err)
	require.Len(t, backups, 1)
	require.True(t, backups[0].Active)
	id := backups[0].Database.ResourceID
	_, err = s.DeleteAutomatedBackups(ctx, root, rds.Cluster, id)
	requireReason(t, err, rds.DatabaseState)
	instances, err := s.AutomatedBackups(ctx, root, rds.Instance)
	require.NoError(t, err)
	require.Empty(t, instances)

	// Those of a deleted database go at once, or are kept for their period, or until they are deleted.
	_, err = s.DeleteDatabase(ctx, root, rds.Cluster, "main", rds.Deletion{SkipFinal: true, KeepBackup: true})
	require.NoError(t, err)
	_, err = s.RestorePoint(ctx, root, rds.Point{Kind: rds.Cluster, ResourceID: id, Latest: true}, "again", rds.Spec{})
	require.NoError(t, err)
	_, err = s.DeleteAutomatedBackups(ctx, root, rds.Cluster, id)
	require.NoError(t, err)
	require.Zero(t, count())
	_, err = s.DeleteAutomatedBackups(ctx, root, rds.Cluster, id)
	requireReason(t, err, rds.BackupNotFound)
}

func TestLatestPointBacksUpFirst(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	d := create(t, w, rds.Cluster, "main", spec(newKey(t, w, root, "")))
	for _, text := range []string{"one", "two"} { // within one minute
		write(t, w, d, text)
		name := "to-" + text
		_, err := s.RestorePoint(ctx, root, rds.Point{Kind: rds.Cluster, Database: "main", Latest: true}, name, rds.Spec{})
		require.NoError(t, err)
		read(t, w, database(t, w, root, rds.Cluster, name), text)
	}
	_, err := s.RestorePoint(ctx, root, rds.Point{Kind: rds.Cluster, Database: "main"}, "x", rds.Spec{})
	requireReason(t, err, rds.ParameterCombination)
}

func TestInstancesOfACluster(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	cluster := create(t, w, rds.Cluster, "main", spec(newKey(t, w, root, "")))
	member := rds.Spec{Profile: rds.Profile{Engine: "aurora-postgresql"}, ClusterName: "main"}
	wrong := member
	wrong.Engine = "aurora-mysql"
	_, err := s.CreateDatabase(ctx, root, rds.Instance, "one", wrong)
	requireReason(t, err, rds.ParameterCombination)
	wrong = member
	wrong.Encrypted = yes()
	_, err = s.CreateDatabase(ctx, root, rds.Instance, "one", wrong)
	requireReason(t, err, rds.ParameterCombination)
	wrong = member
	wrong.ClusterName = "none"
	_, err = s.CreateDatabase(ctx, root, rds.Instance, "one", wrong)
	requireReason(t, err, rds.DatabaseNotFound)
	create(t, w, rds.Instance, "one", member)
	one := database(t, w, root, rds.Instance, "one")
	require.Equal(t, cluster.KeyARN, one.KeyARN)
	require.Empty(t, one.VolumeID)
	require.Regexp(t, "^db-", one.ResourceID)
	for _, refused := range []error{
		second(s.Stop(ctx, root, rds.Instance, "one", "")), second(s.Start(ctx, root, rds.Instance, "one")),
		second(s.CreateSnapshot(ctx, root, rds.Instance, "one", "snap", nil)), second(s.DeleteDatabase(ctx, root, rds.Cluster, "main", rds.Deletion{SkipFinal: true})),
	} {
		requireReason(t, refused, rds.DatabaseState)
	}
	// Its state is the cluster's, under whatever name that has.
	_, err = s.ModifyDatabase(ctx, root, rds.Cluster, "main", rds.Change{NewName: "Renamed"})
	require.NoError(t, err)
	_, err = s.Stop(ctx, root, rds.Cluster, "renamed", "")
	require.NoError(t, err)
	require.Equal(t, rds.Stopped, database(t, w, root, rds.Instance, "one").State)
	require.Equal(t, "renamed", database(t, w, root, rds.Instance, "one").ClusterName)
	_, err = s.Start(ctx, root, rds.Cluster, "renamed")
	require.NoError(t, err)
	lose(t, w, cluster, "disabled")
	require.NoError(t, s.Tick(ctx))
	require.Equal(t, recoverable, database(t, w, root, rds.Instance, "one").State)
	_, err = s.Reboot(ctx, root, rds.Instance, "one")
	requireReason(t, err, rds.DatabaseState)
	_, err = s.DeleteDatabase(ctx, root, rds.Instance, "one", rds.Deletion{})
	require.NoError(t, err)
	_, err = s.DeleteDatabase(ctx, root, rds.Cluster, "renamed", rds.Deletion{FinalName: "last"})
	requireReason(t, err, rds.DatabaseState)
	_, err = s.DeleteDatabase(ctx, root, rds.Cluster, "renamed", rds.Deletion{SkipFinal: true})
	require.NoError(t, err)
	requireClean(t, w, cluster.KeyARN)
}

// A database is stopped for seven days at most, also across a restart of the service; where its
// key refuses then, it is lost as at any start.
func TestStoppedIsStartedAgain(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	d := create(t, w, rds.Instance, "main", standalone(newKey(t, w, root, "")))
	lost := create(t, w, rds.Cluster, "lost", spec(newKey(t, w, root, "")))
	write(t, w, d, "text")
	for kind, name := range map[rds.Kind]string{rds.Instance: "main", rds.Cluster: "lost"} {
		_, err := s.Stop(ctx, root, kind, name, "")
		require.NoError(t, err)
	}
	w.Pass(rds.MaxStopped - time.Second)
	require.NoError(t, s.Tick(ctx))
	stopped := database(t, w, root, rds.Instance, "main")
	require.Equal(t, rds.Stopped, stopped.State)
	require.False(t, stopped.StoppedAt.IsZero())
	s = w.Restart()
	lose(t, w, lost, "disabled")
	w.Pass(time.Second)
	require.NoError(t, s.Tick(ctx))
	d = database(t, w, root, rds.Instance, "main")
	require.Equal(t, rds.Available, d.State)
	require.True(t, d.StoppedAt.IsZero())
	read(t, w, d, "text")
	lost = database(t, w, root, rds.Cluster, "lost")
	require.Equal(t, recoverable, lost.State)
	require.True(t, lost.StoppedAt.IsZero())
}

func TestDeletionProtectionAndFinalSnapshot(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	sp := standalone(newKey(t, w, root, ""))
	sp.DeletionProtection, sp.CopyTags, sp.Tags = true, true, rds.Tags{"a": "b"}
	d := create(t, w, rds.Instance, "main", sp)
	write(t, w, d, "text")
	_, err := s.DeleteDatabase(ctx, root, rds.Instance, "main", rds.Deletion{SkipFinal: true})
	requireReason(t, err, rds.ParameterCombination)
	no := false
	_, err = s.ModifyDatabase(ctx, root, rds.Instance, "main", rds.Change{DeletionProtection: &no})
	require.NoError(t, err)
	for _, how := range []rds.Deletion{{}, {SkipFinal: true, FinalName: "last"}} {
		_, err = s.DeleteDatabase(ctx, root, rds.Instance, "main", how)
		requireReason(t, err, rds.ParameterCombination)
	}
	_, err = s.DeleteDatabase(ctx, root, rds.Instance, "main", rds.Deletion{FinalName: "last"})
	require.NoError(t, err)
	require.Empty(t, grantsOf(t, w, d.KeyARN))
	require.Equal(t, rds.Tags{"a": "b"}, snapshotNamed(t, w, root, rds.Instance, "last").Tags)
	_, err = s.RestoreSnapshot(ctx, root, rds.Instance, "back", rds.Instance, "last", rds.Spec{})
	require.NoError(t, err)
	read(t, w, database(t, w, root, rds.Instance, "back"), "text")
}

// The URI is a tag of what is served, and never stored or settable.
func TestTags(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	d := create(t, w, rds.Cluster, "main", spec(newKey(t, w, root, "")))
	require.NoError(t, s.Retag(ctx, root, d.ARN(), rds.Tags{"a": "b", "c": "d"}, nil))
	require.NoError(t, s.Retag(ctx, root, d.ARN(), nil, []string{"c"}))
	tags, err := s.TagsOf(ctx, root, d.ARN())
	require.NoError(t, err)
	require.Equal(t, rds.Tags{"a": "b", "aws:coffer:nbd-uri": "nbd+unix:///" + d.VolumeID + "?socket=/run/nbd.sock"}, tags)
	_, err = s.Stop(ctx, root, rds.Cluster, "main", "")
	require.NoError(t, err)
	tags, err = s.TagsOf(ctx, root, d.ARN())
	require.NoError(t, err)
	require.Equal(t, rds.Tags{"a": "b"}, tags)
	requireReason(t, s.Retag(ctx, root, d.ARN(), rds.Tags{"aws:coffer:nbd-uri": "x"}, nil), rds.InvalidParameter)
	requireReason(t, s.Retag(ctx, other, d.ARN(), rds.Tags{"x": "y"}, nil), rds.DatabaseNotFound)
	requireReason(t, s.Retag(ctx, root, "arn:aws:rds:us-east-1:111122223333:nothing:main", rds.Tags{"x": "y"}, nil), rds.InvalidARN)
	many := rds.Tags{}
	for i := range 50 {
		many[fmt.Sprint("key", i)] = ""
	}
	requireReason(t, s.Retag(ctx, root, d.ARN(), many, nil), rds.InvalidParameter)
}

// The largest record that a request can ask for is kept.
func TestLargestRecord(t *testing.T) {
	w := rdstest.New(t)
	w.Start()
	sp := spec("")
	sp.Settings, sp.Tags = map[string]string{}, rds.Tags{}
	for i := range 64 {
		sp.Settings[fmt.Sprint("Setting", i)] = strings.Repeat("<", 256)
	}
	for i := range 50 {
		sp.Tags[fmt.Sprintf("%02d%s", i, strings.Repeat("&", 126))] = strings.Repeat("\x01", 256)
	}
	d := create(t, w, rds.Cluster, "main", sp)
	require.Equal(t, sp.Tags, d.Tags)
	sp.Settings["more"] = ""
	_, err := w.RDS.CreateDatabase(ctx, root, rds.Cluster, "more", sp)
	requireReason(t, err, rds.InvalidParameter)
}

func TestQuotas(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	plain := spec("")
	plain.Encrypted = nil
	for i := range 40 {
		create(t, w, rds.Cluster, fmt.Sprintf("c%d", i), plain)
	}
	_, err := s.CreateDatabase(ctx, root, rds.Cluster, "more", plain)
	requireReason(t, err, rds.DatabaseQuota)
	for i := range 100 {
		_, err := s.CreateSnapshot(ctx, root, rds.Cluster, "c0", fmt.Sprintf("s%d", i), nil)
		require.NoError(t, err)
	}
	_, err = s.CreateSnapshot(ctx, root, rds.Cluster, "c0", "more", nil)
	requireReason(t, err, rds.SnapshotQuota)
	_, err = s.CopySnapshot(ctx, root, rds.CopyRequest{Kind: rds.Cluster, Source: "s0", Target: "more"})
	requireReason(t, err, rds.SnapshotQuota)
	quotas, err := s.Quotas(ctx, root)
	require.NoError(t, err)
	require.Contains(t, quotas, rds.Quota{Name: "DBClusters", Used: 40, Max: 40})
	// Pages go on where they ended.
	seen := map[string]bool{}
	q := rds.SnapshotQuery{Query: rds.Query{Limit: 30}}
	for {
		page, err := s.Snapshots(ctx, root, rds.Cluster, q)
		require.NoError(t, err)
		for _, snap := range page.Items {
			require.False(t, seen[snap.Name])
			seen[snap.Name] = true
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	require.Len(t, seen, 100)
}

func TestUsesOfAKey(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	key := newKey(t, w, root, "")
	create(t, w, rds.Cluster, "main", spec(key))
	snapshotOf(t, w, root, "main", "snap")
	create(t, w, rds.Cluster, "other", spec(newKey(t, w, root, "")))
	var uses []string
	require.NoError(t, s.KeyUses(ctx, key, func(kind, account, name, state string) error {
		uses = append(uses, kind+" "+account+" "+name+" "+state)
		return nil
	}))
	require.Equal(t, []string{"DB cluster 111122223333 main available", "DB cluster snapshot 111122223333 snap available"}, uses)
}

// No request for one account reads another's resources, and one of another Region finds nothing.
func TestAccountsAndRegionsAreApart(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	d := create(t, w, rds.Cluster, "main", spec(newKey(t, w, root, "")))
	snapshotOf(t, w, root, "main", "snap")
	for _, c := range []kms.Caller{other, rdstest.In("eu-west-1", root)} {
		for _, name := range []string{"main", d.ARN()} {
			requireReason(t, second(s.Stop(ctx, c, rds.Cluster, name, "")), rds.DatabaseNotFound)
			requireReason(t, second(s.DeleteDatabase(ctx, c, rds.Cluster, name, rds.Deletion{SkipFinal: true})), rds.DatabaseNotFound)
		}
		requireReason(t, second(s.DeleteSnapshot(ctx, c, rds.Cluster, "snap")), rds.SnapshotNotFound)
		requireReason(t, second(s.DeleteSnapshot(ctx, c, rds.Cluster, snapshotARN())), rds.SnapshotNotFound)
		page, err := s.Databases(ctx, c, rds.Cluster, rds.Query{})
		require.NoError(t, err)
		require.Empty(t, page.Items)
	}
	for _, name := range []string{"", "../main", "main/", "x/y", strings.Repeat("m", 2000), "arn:aws:rds:us-east-1:111122223333:cluster:", "arn:aws:rds:us-east-1:111122223333:cluster:a/b"} {
		if name != "" {
			requireReason(t, second(s.Databases(ctx, root, rds.Cluster, rds.Query{Name: name})), rds.DatabaseNotFound)
		}
		requireReason(t, second(s.OwnSnapshot(ctx, root, rds.Cluster, name)), rds.SnapshotNotFound)
	}
}

func snapshotARN() string {
	return rds.SnapshotARN(rdstest.Region, rdstest.Account, rds.Cluster, "snap")
}

// Many requests at once on the same names: each is done or refused, and nothing is left at the end.
func TestConcurrentRequests(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	key := newKey(t, w, root, "")
	var all sync.WaitGroup
	for worker := range 6 {
		all.Go(func() {
			for range 4 {
				_, _ = s.CreateDatabase(ctx, root, rds.Cluster, "a", spec(key))
				_, _ = s.ModifyDatabase(ctx, root, rds.Cluster, "a", rds.Change{NewName: "b"})
				_, _ = s.ModifyDatabase(ctx, root, rds.Cluster, "b", rds.Change{NewName: "a"})
				_, _ = s.CreateSnapshot(ctx, root, rds.Cluster, "a", fmt.Sprint("s", worker), nil)
				_, _ = s.Stop(ctx, root, rds.Cluster, "a", "")
				_ = s.Tick(ctx)
				_, _ = s.Start(ctx, root, rds.Cluster, "a")
				_, _ = s.RestorePoint(ctx, root, rds.Point{Kind: rds.Cluster, Database: "a", Latest: true}, fmt.Sprint("r", worker), rds.Spec{})
				_, _ = s.DeleteSnapshot(ctx, root, rds.Cluster, fmt.Sprint("s", worker))
				_, _ = s.DeleteDatabase(ctx, root, rds.Cluster, fmt.Sprint("r", worker), rds.Deletion{SkipFinal: true})
				_, _ = s.DeleteDatabase(ctx, root, rds.Cluster, "a", rds.Deletion{SkipFinal: true})
			}
		})
	}
	all.Wait()
	for _, kind := range []rds.Kind{rds.Cluster} {
		page, err := s.Databases(ctx, root, kind, rds.Query{})
		require.NoError(t, err)
		for _, d := range page.Items {
			_, err := s.DeleteDatabase(ctx, root, kind, d.Name, rds.Deletion{SkipFinal: true})
			require.NoError(t, err)
		}
		snapshots, err := s.Snapshots(ctx, root, kind, rds.SnapshotQuery{Type: "manual"})
		require.NoError(t, err)
		for _, snap := range snapshots.Items {
			_, err := s.DeleteSnapshot(ctx, root, kind, snap.Name)
			require.NoError(t, err)
		}
	}
	requireClean(t, w, key)
}
