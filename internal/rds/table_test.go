package rds_test

import (
	"strings"
	"testing"

	"coffer.example/internal/rds"
	"coffer.example/internal/rds/rdstest"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// Every row of the decision table on real ciphertext: the result is under the key that the table
// names, holds the source's blocks, and no grant is left but those of the databases.
func TestDecisionTable(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	own, given := newKey(t, w, root, ""), newKey(t, w, root, "")
	write(t, w, create(t, w, rds.Cluster, "enc", spec(own)), "enc")
	plainSpec := spec("")
	plainSpec.Encrypted = nil
	write(t, w, create(t, w, rds.Cluster, "plain", plainSpec), "plain")
	snapshotOf(t, w, root, "enc", "enc-snap")
	snapshotOf(t, w, root, "plain", "plain-snap")
	for i, row := range []struct{ source, text, keyID, want string }{
		{"enc-snap", "enc", "", own},
		{"enc-snap", "enc", given, given},
		{"plain-snap", "plain", "", ""},
		{"plain-snap", "plain", given, given},
	} {
		name := string(rune('a' + i))
		copied(t, w, root, rds.CopyRequest{Kind: rds.Cluster, Source: row.source, Target: "copy-" + name, KeyID: row.keyID})
		for _, from := range []string{row.source, "copy-" + name} {
			keyID := row.keyID
			if from != row.source {
				keyID = ""
			}
			target := "r-" + name + "-" + strings.ReplaceAll(from, "-", "x")
			_, err := s.RestoreSnapshot(ctx, root, rds.Cluster, target, rds.Cluster, from, rds.Spec{KeyID: keyID})
			require.NoError(t, err)
			d := database(t, w, root, rds.Cluster, target)
			require.Equal(t, row.want, d.KeyARN, "%s of %s", target, from)
			stored, err := w.Blocks.Volume(d.VolumeID)
			require.NoError(t, err)
			require.Equal(t, row.want, stored.Key)
			require.Equal(t, d.ResourceID, stored.Context["aws:rds:db-id"])
			read(t, w, d, row.text)
			_, err = s.DeleteDatabase(ctx, root, rds.Cluster, target, rds.Deletion{SkipFinal: true})
			require.NoError(t, err)
		}
	}
	require.Len(t, grantsOf(t, w, own), 1)
	require.Empty(t, grantsOf(t, w, given))
	// A snapshot of a cluster makes an instance too.
	instance := rds.Spec{Profile: rds.Profile{Engine: "postgres"}}
	_, err := s.RestoreSnapshot(ctx, root, rds.Instance, "alone", rds.Cluster, "enc-snap", instance)
	require.NoError(t, err)
	read(t, w, database(t, w, root, rds.Instance, "alone"), "enc")
	require.Empty(t, w.Blocks.Damage())
}

func TestSharedSnapshots(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	key := newKey(t, w, root, keyPolicy(rdstest.Account))
	d := create(t, w, rds.Cluster, "main", spec(key))
	write(t, w, d, "text")
	arn := snapshotOf(t, w, root, "main", "snap").ARN()
	theirs := newKey(t, w, other, "")
	request := rds.CopyRequest{Kind: rds.Cluster, Source: arn, Target: "copy", KeyID: theirs}
	_, err := s.CopySnapshot(ctx, other, request)
	requireReason(t, err, rds.SnapshotNotFound)
	for name, values := range map[string][]string{"all": {"all"}, "no account": {"12"}} {
		_, err = s.ModifySharing(ctx, root, rds.Cluster, "snap", values, nil)
		requireReason(t, err, rds.InvalidParameter)
		require.Empty(t, snapshotNamed(t, w, root, rds.Cluster, "snap").Shares, name)
	}
	_, err = s.ModifySharing(ctx, root, rds.Cluster, "snap", []string{rdstest.OtherAccount}, nil)
	require.NoError(t, err)

	// The other account sees it when it asks for shared ones, may not restore it, must name a key to copy it, and needs the snapshot's key.
	page, err := s.Snapshots(ctx, other, rds.Cluster, rds.SnapshotQuery{Type: "shared"})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	page, err = s.Snapshots(ctx, other, rds.Cluster, rds.SnapshotQuery{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
	_, err = s.RestoreSnapshot(ctx, other, rds.Cluster, "mine", rds.Cluster, arn, rds.Spec{KeyID: theirs})
	requireReason(t, err, rds.SnapshotState)
	without := request
	without.KeyID = ""
	_, err = s.CopySnapshot(ctx, other, without)
	requireReason(t, err, rds.ParameterCombination)
	_, err = s.CopySnapshot(ctx, other, request)
	require.Equal(t, "The source snapshot KMS key ["+key+"] does not exist, is not enabled or you do not have permissions to access it", requireReason(t, err, rds.KeyNotAccessible).Message)
	require.Empty(t, grantsOf(t, w, theirs))
	require.Len(t, grantsOf(t, w, key), 1)
	require.NoError(t, w.Keys.PutKeyPolicy(ctx, root, kms.PutKeyPolicyInput{KeyID: key, Policy: keyPolicy(rdstest.Account, rdstest.OtherAccount)}))
	snap := copied(t, w, other, request)
	require.Equal(t, theirs, snap.KeyARN)
	require.Equal(t, d.ResourceID, snap.DatabaseID)
	require.Empty(t, grantsOf(t, w, theirs))
	require.Len(t, grantsOf(t, w, key), 1)

	// The copy survives everything that its source's owner does.
	_, err = s.ModifySharing(ctx, root, rds.Cluster, "snap", nil, []string{rdstest.OtherAccount})
	require.NoError(t, err)
	_, err = s.DeleteSnapshot(ctx, root, rds.Cluster, "snap")
	require.NoError(t, err)
	lose(t, w, d, "disabled")
	_, err = s.RestoreSnapshot(ctx, other, rds.Cluster, "mine", rds.Cluster, "copy", rds.Spec{})
	require.NoError(t, err)
	read(t, w, database(t, w, other, rds.Cluster, "mine"), "text")
	page, err = s.Snapshots(ctx, other, rds.Cluster, rds.SnapshotQuery{Type: "shared"})
	require.NoError(t, err)
	require.Empty(t, page.Items)
}

func TestPublicAndQuotaOfShares(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	plain := spec("")
	plain.Encrypted = nil
	write(t, w, create(t, w, rds.Cluster, "main", plain), "text")
	arn := snapshotOf(t, w, root, "main", "snap").ARN()
	var accounts []string
	for i := range 21 {
		accounts = append(accounts, "99990000"+string(rune('0'+i/10))+string(rune('0'+i%10))+"00")
	}
	_, err := s.ModifySharing(ctx, root, rds.Cluster, "snap", accounts, nil)
	requireReason(t, err, rds.SharedSnapshotQuota)
	_, err = s.ModifySharing(ctx, root, rds.Cluster, "snap", append(accounts[:20:20], "all"), nil)
	require.NoError(t, err)
	page, err := s.Snapshots(ctx, other, rds.Cluster, rds.SnapshotQuery{Public: true})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	// An unencrypted one may be restored directly.
	_, err = s.RestoreSnapshot(ctx, other, rds.Cluster, "mine", rds.Cluster, arn, rds.Spec{})
	require.NoError(t, err)
	read(t, w, database(t, w, other, rds.Cluster, "mine"), "text")
	_, err = s.DeleteSnapshot(ctx, root, rds.Cluster, "snap")
	require.NoError(t, err)
	page, err = s.Snapshots(ctx, other, rds.Cluster, rds.SnapshotQuery{Type: "public"})
	require.NoError(t, err)
	require.Empty(t, page.Items)
}

func TestCopyIntoAnotherRegion(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	far := rdstest.In("eu-central-1", root)
	key := newKey(t, w, root, "")
	write(t, w, create(t, w, rds.Cluster, "main", spec(key)), "text")
	arn := snapshotOf(t, w, root, "main", "snap").ARN()
	request := rds.CopyRequest{Kind: rds.Cluster, Source: arn, Target: "copy"}
	_, err := s.CopySnapshot(ctx, far, request)
	requireReason(t, err, rds.ParameterCombination)
	request.KeyID = key
	_, err = s.CopySnapshot(ctx, far, request)
	requireReason(t, err, rds.KeyNotAccessible)
	request.KeyID = newKey(t, w, far, "")
	snap := copied(t, w, far, request)
	require.Equal(t, request.KeyID, snap.KeyARN)
	_, err = s.RestoreSnapshot(ctx, far, rds.Cluster, "there", rds.Cluster, "copy", rds.Spec{})
	require.NoError(t, err)
	read(t, w, database(t, w, far, rds.Cluster, "there"), "text")
	require.Len(t, grantsOf(t, w, key), 1)
}

// A request that is refused, by whichever key, changes nothing.
func TestRefusedRequestsChangeNothing(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	key, off := newKey(t, w, root, ""), newKey(t, w, root, "")
	require.NoError(t, w.Keys.DisableKey(ctx, root, kms.KeyInput{KeyID: off}))
	create(t, w, rds.Cluster, "main", spec(key))
	snapshotOf(t, w, root, "main", "snap")
	before, volumes, snapshots := records(t, w), len(w.Blocks.Volumes()), len(w.Blocks.Snapshots())
	mac, err := w.Keys.CreateKey(ctx, root, kms.CreateKeyInput{KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC"})
	require.NoError(t, err)
	for _, bad := range []string{off, mac.ARN, "alias/nothing", "alias/aws/ebs", "nonsense"} {
		_, err := s.CreateDatabase(ctx, root, rds.Cluster, "new", spec(bad))
		requireReason(t, err, rds.KeyNotAccessible)
		_, err = s.CopySnapshot(ctx, root, rds.CopyRequest{Kind: rds.Cluster, Source: "snap", Target: "copy", KeyID: bad})
		requireReason(t, err, rds.KeyNotAccessible)
		_, err = s.RestoreSnapshot(ctx, root, rds.Cluster, "new", rds.Cluster, "snap", rds.Spec{KeyID: bad})
		requireReason(t, err, rds.KeyNotAccessible)
	}
	for _, c := range []struct {
		change func(*rds.Spec)
		name   string
		reason rds.Reason
	}{
		{func(*rds.Spec) {}, "main", rds.DatabaseExists},
		{func(*rds.Spec) {}, "1st", rds.InvalidParameter},
		{func(*rds.Spec) {}, "a--b", rds.InvalidParameter},
		{func(*rds.Spec) {}, "a/b", rds.InvalidParameter},
		{func(*rds.Spec) {}, strings.Repeat("a", 64), rds.InvalidParameter},
		{func(s *rds.Spec) { s.Engine = "dbase" }, "new", rds.InvalidParameter},
		{func(s *rds.Spec) { s.Engine = "mariadb" }, "new", rds.InvalidParameter},
		{func(s *rds.Spec) { s.EngineVersion = "9.6" }, "new", rds.ParameterCombination},
		{func(s *rds.Spec) { s.GiB = 1 << 20 }, "new", rds.InvalidParameter},
		{func(s *rds.Spec) { s.BackupDays = 36 }, "new", rds.InvalidParameter},
		{func(s *rds.Spec) { s.BackupDays = 0 }, "new", rds.InvalidParameter},
		{func(s *rds.Spec) { s.BackupWindow = "24:00-25:00" }, "new", rds.InvalidParameter},
		{func(s *rds.Spec) { s.Tags = rds.Tags{"aws:x": "y"} }, "new", rds.InvalidParameter},
		{func(s *rds.Spec) { s.Settings = map[string]string{"a": strings.Repeat("x", 2000)} }, "new", rds.InvalidParameter},
	} {
		sp := spec(key)
		c.change(&sp)
		_, err := s.CreateDatabase(ctx, root, rds.Cluster, c.name, sp)
		requireReason(t, err, c.reason)
	}
	require.ElementsMatch(t, before, records(t, w))
	require.Len(t, w.Blocks.Volumes(), volumes)
	require.Len(t, w.Blocks.Snapshots(), snapshots)
	require.Len(t, grantsOf(t, w, key), 1)
	require.Empty(t, grantsOf(t, w, off))
}
