package rds_test

import (
	"testing"
	"time"

	"coffer.example/internal/rds"
	"coffer.example/internal/rds/rdstest"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// Each test is named after the statement of the Aurora User Guide's pages on key management that it shows.

func TestN39EnvelopeEncryptionIsAutomatic(t *testing.T) {
	w := rdstest.New(t)
	w.Start()
	key := newKey(t, w, root, "")
	d := create(t, w, rds.Cluster, "main", spec(key))
	require.Equal(t, key, d.KeyARN)
	stored, err := w.Blocks.Volume(d.VolumeID)
	require.NoError(t, err)
	require.Equal(t, key, stored.Key, "the volume's data key is wrapped under the cluster's key")
	write(t, w, d, "text")
	read(t, w, d, "text")
	w.Restart()
	read(t, w, d, "text")
}

func TestN40CustomerOrManagedKey(t *testing.T) {
	w := rdstest.New(t)
	w.Start()
	managed := create(t, w, rds.Cluster, "managed", spec(""))
	about, err := w.Keys.DescribeKey(ctx, root, kms.DescribeKeyInput{KeyID: "alias/aws/rds"})
	require.NoError(t, err)
	require.Equal(t, about.ARN, managed.KeyARN)
	require.Equal(t, "AWS", about.Manager)
	require.True(t, managed.ManagedKey)
	key := newKey(t, w, root, "")
	_, err = w.Keys.DescribeKey(ctx, root, kms.DescribeKeyInput{KeyID: key})
	require.NoError(t, err)
	require.NoError(t, w.Keys.CreateAlias(ctx, root, kms.AliasInput{AliasName: "alias/mine", TargetKeyID: key}))
	require.Equal(t, key, create(t, w, rds.Cluster, "mine", spec("alias/mine")).KeyARN)
	plain := spec("")
	plain.Encrypted = nil
	require.Empty(t, create(t, w, rds.Cluster, "plain", plain).KeyARN)
	plain.KeyID = key
	_, err = w.RDS.CreateDatabase(ctx, root, rds.Cluster, "refused", plain)
	requireReason(t, err, rds.ParameterCombination)
}

func TestN41ManagedKeySnapshotsCannotBeShared(t *testing.T) {
	w := rdstest.New(t)
	w.Start()
	create(t, w, rds.Cluster, "main", spec(""))
	snapshotOf(t, w, root, "main", "snap")
	_, err := w.RDS.ModifySharing(ctx, root, rds.Cluster, "snap", []string{rdstest.OtherAccount}, nil)
	requireReason(t, err, rds.SnapshotState)
	require.Empty(t, snapshotNamed(t, w, root, rds.Cluster, "snap").Shares)
	// A copy under a customer key can.
	copied(t, w, root, rds.CopyRequest{Kind: rds.Cluster, Source: "snap", Target: "copy", KeyID: newKey(t, w, root, "")})
	snap, err := w.RDS.ModifySharing(ctx, root, rds.Cluster, "copy", []string{rdstest.OtherAccount}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{rdstest.OtherAccount}, snap.Shares)
}

func TestN42ManagedKeyIsNotTheCustomersToManage(t *testing.T) {
	w := rdstest.New(t)
	w.Start()
	key := kms.KeyInput{KeyID: create(t, w, rds.Cluster, "main", spec("")).KeyARN}
	_, err := w.Keys.ScheduleKeyDeletion(ctx, root, kms.ScheduleKeyDeletionInput{KeyID: key.KeyID})
	for name, refused := range map[string]error{
		"disable": w.Keys.DisableKey(ctx, root, key), "rotation off": w.Keys.DisableKeyRotation(ctx, root, key), "delete": err,
		"policy": w.Keys.PutKeyPolicy(ctx, root, kms.PutKeyPolicyInput{KeyID: key.KeyID, Policy: keyPolicy(rdstest.Account)}),
	} {
		require.ErrorIs(t, refused, kms.ErrAccessDenied, name)
	}
}

func TestN43EveryUseIsAudited(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	for _, key := range []string{"", newKey(t, w, root, "")} {
		w.Trail.Take()
		d := create(t, w, rds.Cluster, "main", spec(key))
		require.Equal(t, []string{"DescribeKey", "CreateGrant", "GenerateDataKeyWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "Decrypt"},
			without(rdstest.Names(w.Trail.Take()), "CreateKey"))
		require.NoError(t, s.Tick(ctx))
		require.Equal(t, []string{"Decrypt"}, rdstest.Names(w.Trail.Take()), "the check")
		_, err := s.Reboot(ctx, root, rds.Cluster, "main")
		require.NoError(t, err)
		require.Equal(t, []string{"Decrypt", "Decrypt"}, rdstest.Names(w.Trail.Take()), "the check, and the volume")
		_, err = s.DeleteDatabase(ctx, root, rds.Cluster, "main", rds.Deletion{SkipFinal: true})
		require.NoError(t, err)
		events := w.Trail.Take()
		require.Equal(t, []string{"RetireGrant"}, rdstest.Names(events))
		require.Contains(t, events[0].UserIdentity.ARN, "assumed-role/aws:rds-infrastructure/"+d.ResourceID)
	}
}

func without(list []string, name string) (out []string) {
	for _, one := range list {
		if one != name {
			out = append(out, one)
		}
	}
	return out
}

// lose makes a key refuse: the ways of N44.
func lose(t *testing.T, w *rdstest.World, d rds.Database, how string) {
	t.Helper()
	id := kms.KeyInput{KeyID: d.KeyARN}
	switch how {
	case "disabled":
		require.NoError(t, w.Keys.DisableKey(ctx, root, id))
	case "pending deletion":
		_, err := w.Keys.ScheduleKeyDeletion(ctx, root, kms.ScheduleKeyDeletionInput{KeyID: d.KeyARN})
		require.NoError(t, err)
	case "grant revoked":
		require.NoError(t, w.Keys.RevokeGrant(ctx, root, kms.RevokeGrantInput{KeyID: d.KeyARN, GrantID: d.GrantID}))
	case "denied by policy":
		policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
			{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"kms:Decrypt","Resource":"*"}]}`
		require.NoError(t, w.Keys.PutKeyPolicy(ctx, root, kms.PutKeyPolicyInput{KeyID: d.KeyARN, Policy: policy}))
	}
}

func TestN44LosingTheKeyMakesTheDatabaseInaccessible(t *testing.T) {
	for _, how := range []string{"disabled", "pending deletion", "grant revoked", "denied by policy"} {
		for when, use := range map[string]func(w *rdstest.World){
			"check":   func(w *rdstest.World) { require.NoError(t, w.RDS.Tick(ctx)) },
			"restart": func(w *rdstest.World) { w.Restart() },
			"reboot":  func(w *rdstest.World) { refusedByKey(t, second(w.RDS.Reboot(ctx, root, rds.Cluster, "main"))) },
			"snapshot": func(w *rdstest.World) {
				requireReason(t, second(w.RDS.CreateSnapshot(ctx, root, rds.Cluster, "main", "s", nil)), rds.DatabaseState)
			},
		} {
			t.Run(how+"/"+when, func(t *testing.T) {
				w := rdstest.New(t)
				w.Start()
				d := create(t, w, rds.Cluster, "main", spec(newKey(t, w, root, "")))
				write(t, w, d, "text")
				lose(t, w, d, how)
				require.NotNil(t, w.Exports.Device(d.VolumeID), "it works on until the key is used")
				use(w)
				lost := database(t, w, root, rds.Cluster, "main")
				require.Equal(t, recoverable, lost.State)
				require.Nil(t, w.Exports.Device(d.VolumeID), "storage is detached")
				about, err := w.Blocks.Volume(d.VolumeID)
				require.NoError(t, err)
				require.False(t, about.Attached)
				// Seven days later it is terminal, whoever looks first.
				w.Pass(7*24*time.Hour + time.Second)
				_, err = w.RDS.Start(ctx, root, rds.Cluster, "main")
				requireReason(t, err, rds.DatabaseState)
				require.Equal(t, terminal, database(t, w, root, rds.Cluster, "main").State)
			})
		}
	}
}

func second[T any](_ T, err error) error { return err }

func refusedByKey(t *testing.T, err error) {
	t.Helper()
	e := requireReason(t, err, rds.KeyNotAccessible)
	require.Regexp(t, `^Specified KMS key \[arn:aws:kms:us-east-1:\d{12}:key/[0-9a-f-]{36}\] does not exist, is not enabled or you do not have permissions to access it\.$`, e.Message)
}

func TestN44StartWithinTheWindowRecovers(t *testing.T) {
	for _, kind := range []rds.Kind{rds.Cluster, rds.Instance} {
		w := rdstest.New(t)
		s := w.Start()
		of := spec
		if kind == rds.Instance {
			of = standalone
		}
		d := create(t, w, kind, "main", of(newKey(t, w, root, "")))
		write(t, w, d, "text")
		lose(t, w, d, "disabled")
		require.NoError(t, s.Tick(ctx))
		w.Pass(6 * 24 * time.Hour)
		require.NoError(t, s.Tick(ctx))
		_, err := s.Start(ctx, root, kind, "main")
		refusedByKey(t, err)
		require.Equal(t, recoverable, database(t, w, root, kind, "main").State)
		require.Equal(t, w.Now().Add(-6*24*time.Hour), database(t, w, root, kind, "main").KeyLost, "a refused start begins no new window")
		require.NoError(t, w.Keys.EnableKey(ctx, root, kms.KeyInput{KeyID: d.KeyARN}))
		require.NoError(t, s.Tick(ctx))
		require.Equal(t, recoverable, database(t, w, root, kind, "main").State, "only starting it brings it back")
		started, err := s.Start(ctx, root, kind, "main")
		require.NoError(t, err)
		require.Equal(t, rds.Starting, started.State)
		now := database(t, w, root, kind, "main")
		require.Equal(t, rds.Available, now.State)
		require.Zero(t, now.KeyLost)
		read(t, w, d, "text")
	}
}

// N45: re-enable access, then restore from the latest backup.
func TestN45RestoreFromTheLatestBackup(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	d := create(t, w, rds.Cluster, "main", spec(newKey(t, w, root, "")))
	write(t, w, d, "one")
	w.Pass(24 * time.Hour)
	require.NoError(t, s.Tick(ctx))
	write(t, w, d, "two")
	w.Pass(24 * time.Hour)
	require.NoError(t, s.Tick(ctx))
	write(t, w, d, "three")
	lose(t, w, d, "disabled")
	require.NoError(t, s.Tick(ctx))
	w.Pass(30 * 24 * time.Hour)
	require.NoError(t, s.Tick(ctx))
	require.Equal(t, terminal, database(t, w, root, rds.Cluster, "main").State)
	point := rds.Point{Kind: rds.Cluster, Database: "main", Latest: true}
	_, err := s.RestorePoint(ctx, root, point, "back", rds.Spec{})
	require.Contains(t, requireReason(t, err, rds.KeyNotAccessible).Message, "The source snapshot KMS key ["+d.KeyARN+"] does not exist, is not enabled or you do not have permissions to access it")
	require.NoError(t, w.Keys.EnableKey(ctx, root, kms.KeyInput{KeyID: d.KeyARN}))
	_, err = s.Start(ctx, root, rds.Cluster, "main")
	requireReason(t, err, rds.DatabaseState)
	_, err = s.RestorePoint(ctx, root, point, "back", rds.Spec{})
	require.NoError(t, err)
	back := database(t, w, root, rds.Cluster, "back")
	read(t, w, back, "two")
	require.Equal(t, d.KeyARN, back.KeyARN)
	// An earlier point, under another key.
	key := newKey(t, w, root, "")
	point = rds.Point{Kind: rds.Cluster, Database: "main", At: d.Created.Add(36 * time.Hour)}
	_, err = s.RestorePoint(ctx, root, point, "earlier", rds.Spec{KeyID: key})
	require.NoError(t, err)
	read(t, w, database(t, w, root, rds.Cluster, "earlier"), "one")
	point.At = d.Created
	_, err = s.RestorePoint(ctx, root, point, "never", rds.Spec{})
	requireReason(t, err, rds.RestoreNotPossible)
}

// N46: whoever creates or changes a database needs kms:CreateGrant and kms:DescribeKey, and nothing else of KMS.
func TestN46TheCreatorNeedsCreateGrantAndDescribeKey(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	key := newKey(t, w, root, "")
	allow := func(actions string) kms.Caller {
		return rdstest.User("alice", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[`+actions+`],"Resource":"*"}]}`)
	}
	for _, too := range []string{`"rds:*"`, `"kms:DescribeKey"`, `"kms:CreateGrant"`, `"kms:Decrypt","kms:Encrypt","kms:GenerateDataKey*","kms:DescribeKey"`} {
		_, err := s.CreateDatabase(ctx, allow(too), rds.Cluster, "main", spec(key))
		refusedByKey(t, err)
		requireClean(t, w, key)
	}
	enough := allow(`"kms:CreateGrant","kms:DescribeKey"`)
	_, err := s.CreateDatabase(ctx, enough, rds.Cluster, "main", spec(key))
	require.NoError(t, err)
	d := database(t, w, enough, rds.Cluster, "main")
	write(t, w, d, "text")
	grants := grantsOf(t, w, key)
	require.Len(t, grants, 1)
	require.Equal(t, "arn:aws:sts::111122223333:assumed-role/aws:rds-infrastructure/"+d.ResourceID, grants[0].Grantee)
	// The same for a change of storage.
	_, err = s.ModifyDatabase(ctx, allow(`"rds:*"`), rds.Cluster, "main", rds.Change{GiB: 2})
	refusedByKey(t, err)
	require.Equal(t, 1, database(t, w, root, rds.Cluster, "main").GiB)
	_, err = s.ModifyDatabase(ctx, enough, rds.Cluster, "main", rds.Change{GiB: 2})
	require.NoError(t, err)
	require.Len(t, grantsOf(t, w, key), 1)
	_, err = s.Reboot(ctx, root, rds.Cluster, "main")
	require.NoError(t, err)
	require.Equal(t, int64(2<<30), w.Exports.Device(d.VolumeID).Size())
	// With the managed key nothing of KMS is needed.
	_, err = s.CreateDatabase(ctx, allow(`"rds:*"`), rds.Cluster, "managed", spec(""))
	require.NoError(t, err)
}

func TestN47ViaService(t *testing.T) {
	w := rdstest.New(t)
	s := w.Start()
	policy := func(service string) string {
		return `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
			{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["kms:CreateGrant","kms:GenerateDataKey*","kms:Decrypt","kms:ReEncrypt*"],"Resource":"*",
			 "Condition":{"StringNotEquals":{"kms:ViaService":"` + service + `"}}}]}`
	}
	key := newKey(t, w, root, policy("ec2.us-east-1.amazonaws.com"))
	_, err := s.CreateDatabase(ctx, root, rds.Cluster, "main", spec(key))
	refusedByKey(t, err)
	require.NoError(t, w.Keys.PutKeyPolicy(ctx, root, kms.PutKeyPolicyInput{KeyID: key, Policy: policy("rds.us-east-1.amazonaws.com")}))
	w.Trail.Take()
	d := create(t, w, rds.Cluster, "main", spec(key))
	for _, e := range w.Trail.Take() {
		require.Equal(t, "rds.us-east-1.amazonaws.com", e.UserIdentity.InvokedBy, e.EventName)
	}
	write(t, w, d, "text")
	snapshotOf(t, w, root, "main", "snap")
	otherKey := newKey(t, w, root, policy("rds.us-east-1.amazonaws.com"))
	copied(t, w, root, rds.CopyRequest{Kind: rds.Cluster, Source: "snap", Target: "copy", KeyID: otherKey})
	// What goes on in the store after a restart comes through the same service.
	_, err = s.CopySnapshot(ctx, root, rds.CopyRequest{Kind: rds.Cluster, Source: "snap", Target: "later", KeyID: otherKey})
	require.NoError(t, err)
	w.Restart()
	require.Eventually(t, func() bool { return snapshotNamed(t, w, root, rds.Cluster, "later").State == rds.Available }, 10*time.Second, 5*time.Millisecond)
	require.Empty(t, snapshotNamed(t, w, root, rds.Cluster, "later").Loans)
}

func TestN48ContextIsAPolicyCondition(t *testing.T) {
	w := rdstest.New(t)
	w.Start()
	d := create(t, w, rds.Cluster, "main", spec(newKey(t, w, root, "")))
	only := func(id string) string {
		return `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
			{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringNotEquals":{"kms:EncryptionContext:aws:rds:db-id":"` + id + `"}}}]}`
	}
	for _, c := range []struct {
		id   string
		want rds.State
	}{{d.ResourceID, rds.Available}, {"cluster-ANOTHER", recoverable}} {
		require.NoError(t, w.Keys.PutKeyPolicy(ctx, root, kms.PutKeyPolicyInput{KeyID: d.KeyARN, Policy: only(c.id)}))
		require.NoError(t, w.RDS.Tick(ctx))
		require.Equal(t, c.want, database(t, w, root, rds.Cluster, "main").State)
	}
}

func TestN49TheContextNamesTheDatabaseAndTheVolume(t *testing.T) {
	for kind, of := range map[rds.Kind]func(string) rds.Spec{rds.Cluster: spec, rds.Instance: standalone} {
		w := rdstest.New(t)
		w.Start()
		key := newKey(t, w, root, "")
		w.Trail.Take()
		d := create(t, w, kind, "main", of(key))
		require.Regexp(t, "^"+string(kind)+"-[A-Z2-7]{26}$", d.ResourceID)
		both := map[string]any{"aws:rds:db-id": d.ResourceID, "aws:ebs:id": d.VolumeID}
		database := map[string]any{"aws:rds:db-id": d.ResourceID}
		var got []map[string]any
		for _, e := range w.Trail.Take() {
			if e.Context() != nil {
				got = append(got, e.Context())
			}
		}
		require.Equal(t, []map[string]any{database, both, both}, got, "the key check; the volume's data key, and its opening")
		require.Equal(t, map[string]string{"aws:rds:db-id": d.ResourceID}, grantsOf(t, w, key)[0].EncryptionContextSubset)
	}
}

func TestN50AnotherContextFails(t *testing.T) {
	w := rdstest.New(t)
	w.Start()
	d := create(t, w, rds.Cluster, "main", spec(newKey(t, w, root, "")))
	w.Trail.Take()
	out, err := w.Keys.Decrypt(ctx, root, kms.DecryptInput{CiphertextBlob: d.KeyCheck, EncryptionContext: map[string]string{"aws:rds:db-id": d.ResourceID}})
	require.NoError(t, err)
	require.Len(t, out.Plaintext, 32)
	for _, wrong := range []map[string]string{nil, {"aws:rds:db-id": "cluster-OTHER"}, {"aws:rds:db-id": d.ResourceID, "aws:ebs:id": d.VolumeID}} {
		_, err := w.Keys.Decrypt(ctx, root, kms.DecryptInput{CiphertextBlob: d.KeyCheck, EncryptionContext: wrong})
		require.ErrorIs(t, err, kms.ErrInvalidCiphertext)
	}
	events := w.Trail.Take()
	require.Len(t, events, 4)
	require.Equal(t, "cluster-OTHER", events[2].Context()["aws:rds:db-id"], "the context is in the log")
	require.Equal(t, "InvalidCiphertextException", events[2].ErrorCode)
}
