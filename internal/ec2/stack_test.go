package ec2_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.example/blockstore"
	"coffer.example/internal/ec2"
	"coffer.example/internal/ec2/ec2test"
	"coffer.example/internal/meta/memmeta"
	"coffer.example/kms"
	"coffer.example/snapshot"
	"github.com/stretchr/testify/require"
)

// stack is the catalogue over a real key store and a real block store, in memory.
type stack struct {
	t       *testing.T
	ctx     context.Context
	root    string // directory of the root key
	meta    *memmeta.Store
	events  *events
	keys    *kms.KMS
	store   *blockstore.Store
	engine  *ec2.StoreEngine
	exports *ec2test.Exports
	ec2     *ec2.Service
	managed bool
}

// events is the audit trail.
type events struct {
	mu   sync.Mutex
	list []map[string]any
}

func (e *events) Record(_ context.Context, event []byte) error {
	var m map[string]any
	if err := json.Unmarshal(event, &m); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, m)
	return nil
}

// take returns the events since the last call as "Name caller", without the reads of keys.
func (e *events) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, m := range e.list {
		name, identity := m["eventName"].(string), m["userIdentity"].(map[string]any)
		arn, _ := identity["arn"].(string)
		if name != "DescribeKey" && name != "CreateKey" {
			out = append(out, name+" "+afterAccount(arn))
		}
	}
	e.list = nil
	return out
}

func newStack(t *testing.T) *stack {
	dir := t.TempDir()
	s := &stack{t: t, ctx: context.Background(), root: dir, meta: memmeta.New(), events: &events{}}
	require.NoError(t, kms.Init(s.kmsOptions()))
	s.open()
	t.Cleanup(s.close)
	return s
}

func (s *stack) kmsOptions() kms.Options {
	return kms.Options{
		Dir: filepath.Join(s.root, "data"), Root: kms.RootKeyFile(filepath.Join(s.root, "root.key")), Store: s.meta,
		Account: ec2test.Account, Region: ec2test.Region, Recorder: s.events,
	}
}

func (s *stack) open() {
	var err error
	s.keys, err = kms.Open(s.kmsOptions())
	require.NoError(s.t, err)
	s.store, err = blockstore.Open(blockstore.Options{Dir: filepath.Join(s.root, "store"), Keys: s.keys.StoreKeyring(), ReserveBytes: -1, ZoneSlots: 4096})
	require.NoError(s.t, err)
	s.engine, s.exports = ec2.NewStoreEngine(s.store), ec2test.New(s.t).Exports
	s.ec2, err = ec2.Open(s.ctx, ec2.Options{
		Store: s.keys.Store(), Engine: s.engine, KMS: ec2.KMSOf(s.keys), Exports: s.exports, Blocks: s.engine, ManagedKeyCopies: s.managed, RetryEvery: time.Hour,
	})
	require.NoError(s.t, err)
}

func (s *stack) close() {
	require.NoError(s.t, s.ec2.Close())
	require.NoError(s.t, s.engine.Close())
	require.NoError(s.t, s.store.Close())
	require.NoError(s.t, s.keys.Close())
}

func (s *stack) restart() { s.close(); s.open() }

// key makes a KMS key of an account and returns its ARN. An empty policy is the default one.
func (s *stack) key(account, policy string) string {
	m, err := s.keys.CreateKey(s.ctx, ec2test.Root(account), kms.CreateKeyInput{Policy: policy})
	require.NoError(s.t, err)
	return m.ARN
}

func (s *stack) instance(account string) string {
	made, err := s.ec2.RunInstances(s.ctx, ec2test.Root(account), ec2.LaunchRequest{ImageID: ec2.EmptyImageID(ec2test.Region), MinCount: 1, MaxCount: 1})
	require.NoError(s.t, err)
	return made[0].ID
}

func (s *stack) volume(account, id string) ec2.Volume {
	page, err := s.ec2.DescribeVolumes(s.ctx, ec2test.Root(account), ec2.Query{IDs: []string{id}})
	require.NoError(s.t, err)
	return page.Items[0]
}

func (s *stack) create(account string, spec ec2.DeviceSpec) ec2.Volume {
	v, err := s.ec2.CreateVolume(s.ctx, ec2test.Root(account), ec2.VolumeRequest{Zone: ec2test.Region + "a", DeviceSpec: spec})
	require.NoError(s.t, err)
	return s.volume(account, v.ID)
}

func (s *stack) attach(account, volume, instance, device string) error {
	_, err := s.ec2.AttachVolume(s.ctx, ec2test.Root(account), ec2.AttachRequest{VolumeID: volume, InstanceID: instance, Device: device})
	return err
}

func (s *stack) detach(account, volume string) {
	_, err := s.ec2.DetachVolume(s.ctx, ec2test.Root(account), ec2.DetachRequest{VolumeID: volume})
	require.NoError(s.t, err)
	require.Eventually(s.t, func() bool { return s.volume(account, volume).State == ec2.VolumeAvailable }, 5*time.Second, time.Millisecond)
}

// write fills a volume with blocks that are recognisable; read checks them.
func (s *stack) write(account, volume, instance, text string) {
	require.NoError(s.t, s.attach(account, volume, instance, "/dev/sdf"))
	device := s.engine.Device(volume)
	for _, off := range offsets() {
		_, err := device.WriteAt(content(text, off), off)
		require.NoError(s.t, err)
	}
	require.NoError(s.t, device.Flush(s.ctx))
	s.detach(account, volume)
}

func (s *stack) read(account, volume, instance, text string) {
	s.t.Helper()
	require.NoError(s.t, s.attach(account, volume, instance, "/dev/sdf"))
	for _, off := range offsets() {
		got := make([]byte, blockstore.BlockSize)
		_, err := s.engine.Device(volume).ReadAt(got, off)
		require.NoError(s.t, err)
		require.True(s.t, bytes.Equal(content(text, off), got), "block at %d of %s", off, volume)
	}
	s.detach(account, volume)
}

func offsets() []int64 { return []int64{0, 4096, 1 << 20, 64<<20 + 8192, 1<<30 - 4096} }

func content(text string, off int64) []byte {
	if text == "" {
		return make([]byte, blockstore.BlockSize)
	}
	return bytes.Repeat([]byte(fmt.Sprintf("%-8.8s%08x", text, off)), blockstore.BlockSize/16)
}

// snapshotOf makes a snapshot of a new volume with content.
func (s *stack) snapshotOf(account, instance string, spec ec2.DeviceSpec, text string) string {
	v := s.create(account, spec)
	require.Equal(s.t, ec2.VolumeAvailable, v.State, v.StateMessage)
	s.write(account, v.ID, instance, text)
	snap, err := s.ec2.CreateSnapshot(s.ctx, ec2test.Root(account), ec2.SnapshotRequest{VolumeID: v.ID})
	require.NoError(s.t, err)
	return s.completed(account, snap.ID).ID
}

func (s *stack) snapshot(account, id string) ec2.Snapshot {
	page, err := s.ec2.DescribeSnapshots(s.ctx, ec2test.Root(account), ec2.Visible{}, ec2.Query{IDs: []string{id}})
	require.NoError(s.t, err)
	return page.Items[0]
}

// user is a user of the first account with a policy that allows actions on every key.
func (s *stack) user(actions ...string) kms.Caller {
	user := ec2test.Root(ec2test.Account)
	user.ARN, user.Type, user.UserName = "arn:aws:iam::"+ec2test.Account+":user/bob", "IAMUser", "bob"
	allowed, err := json.Marshal(actions)
	require.NoError(s.t, err)
	user.Policies = []kms.Policy{{Name: "inline policy p of user bob", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + string(allowed) + `,"Resource":"*"}]}`}}
	return user
}

// completed waits for a copy and returns the snapshot.
func (s *stack) completed(account, id string) ec2.Snapshot {
	var snap ec2.Snapshot
	require.Eventually(s.t, func() bool {
		snap = s.snapshot(account, id)
		return snap.State != ec2.SnapshotPending
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(s.t, ec2.SnapshotCompleted, snap.State, snap.StateMessage)
	return snap
}

// Every row of the launch, CreateVolume and CopySnapshot tables, on real ciphertext:
// the volume is under the key that the table names and holds the source's blocks.
func TestDecisionTableOnData(t *testing.T) {
	s := newStack(t)
	const us, them = ec2test.Account, ec2test.OtherAccount
	share := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::%s:root","arn:aws:iam::%s:root"]},"Action":"kms:*","Resource":"*"}]}`, us, them)
	own, given, theirKey := s.key(us, ""), s.key(us, ""), s.key(them, share)
	mine, theirs := s.instance(us), s.instance(them)
	plain := s.snapshotOf(us, mine, ec2.DeviceSpec{SizeGiB: 1}, "plain")
	encrypted := s.snapshotOf(us, mine, ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: own}, "own")
	shared := s.snapshotOf(them, theirs, ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: theirKey}, "theirs")
	require.NoError(t, s.ec2.ModifySnapshotSharing(s.ctx, ec2test.Root(them), shared, ec2.ShareChange{Add: []string{us}}, false))
	managed, err := s.keys.DescribeKey(s.ctx, ec2test.Root(us), kms.DescribeKeyInput{KeyID: "alias/aws/ebs"})
	require.NoError(t, err)
	byDefault := managed.ARN
	for _, row := range []struct {
		source, text string
		none, noneOn string // the key without parameters, encryption by default off and on
		encrypted    string
	}{
		{"", "", "", byDefault, byDefault},
		{plain, "plain", "", byDefault, byDefault},
		{encrypted, "own", own, own, own},
		{shared, "theirs", byDefault, byDefault, byDefault},
	} {
		for _, c := range []struct {
			on   bool
			spec ec2.DeviceSpec
			want string
		}{
			{false, ec2.DeviceSpec{}, row.none},
			{true, ec2.DeviceSpec{}, row.noneOn},
			{false, ec2.DeviceSpec{Encrypted: snapshot.True}, row.encrypted},
			{true, ec2.DeviceSpec{Encrypted: snapshot.True, KeyID: given}, given},
		} {
			require.NoError(t, s.ec2.SetEncryptionByDefault(s.ctx, ec2test.Root(us), c.on))
			spec := c.spec
			if spec.SnapshotID = row.source; row.source == "" {
				spec.SizeGiB = 1
			}
			v := s.create(us, spec)
			require.Equal(t, ec2.VolumeAvailable, v.State, v.StateMessage)
			require.Equal(t, c.want, v.KeyARN, "%s %+v", row.text, c)
			stored, err := s.store.Volume(v.ID)
			require.NoError(t, err)
			require.Equal(t, c.want, stored.Key, "the engine's key")
			s.read(us, v.ID, mine, row.text)
			if row.source == "" {
				continue
			}
			copied, err := s.ec2.CopySnapshot(s.ctx, ec2test.Root(us), ec2.CopySnapshotRequest{SourceID: row.source, Encrypted: spec.Encrypted, KeyID: spec.KeyID})
			require.NoError(t, err)
			require.Equal(t, c.want, s.completed(us, copied.ID).KeyARN)
			back := s.create(us, ec2.DeviceSpec{SnapshotID: copied.ID})
			s.read(us, back.ID, mine, row.text)
		}
	}
	require.Empty(t, s.store.Damage())
	report, err := s.store.Verify(s.ctx, blockstore.VerifyOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	require.Empty(t, report.Unchecked, "whatever account and key")
}

// The consumer's copy of a shared snapshot is under the consumer's key and survives
// the owner's revocation and deletion.
func TestCopyOfSharedSnapshotSurvives(t *testing.T) {
	s := newStack(t)
	const us, them = ec2test.Account, ec2test.OtherAccount
	closed := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"}]}`, them)
	theirKey := s.key(them, closed)
	mine, theirs := s.instance(us), s.instance(them)
	shared := s.snapshotOf(them, theirs, ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: theirKey}, "theirs")
	require.NoError(t, s.ec2.ModifySnapshotSharing(s.ctx, ec2test.Root(them), shared, ec2.ShareChange{Add: []string{us}}, false))

	// The permission on the snapshot alone is not enough: the key refuses, and the volume and the copy fail later.
	v := s.create(us, ec2.DeviceSpec{SnapshotID: shared})
	require.Equal(t, ec2.VolumeError, v.State)
	failed, err := s.ec2.CopySnapshot(s.ctx, ec2test.Root(us), ec2.CopySnapshotRequest{SourceID: shared})
	require.NoError(t, err)
	page, err := s.ec2.DescribeSnapshots(s.ctx, ec2test.Root(us), ec2.Visible{}, ec2.Query{IDs: []string{failed.ID}})
	require.NoError(t, err)
	require.Equal(t, ec2.SnapshotError, page.Items[0].State)
	require.Equal(t, "Given key ID is not accessible", page.Items[0].StateMessage)

	open := strings.Replace(closed, `"AWS":"arn`, `"AWS":["arn:aws:iam::`+us+`:root","arn`, 1)
	open = strings.Replace(open, `:root"}`, `:root"]}`, 1)
	require.NoError(t, s.keys.PutKeyPolicy(s.ctx, ec2test.Root(them), kms.PutKeyPolicyInput{KeyID: theirKey, Policy: open}))
	copied, err := s.ec2.CopySnapshot(s.ctx, ec2test.Root(us), ec2.CopySnapshotRequest{SourceID: shared})
	require.NoError(t, err)
	snap := s.completed(us, copied.ID)
	require.Contains(t, snap.KeyARN, us)

	require.NoError(t, s.keys.PutKeyPolicy(s.ctx, ec2test.Root(them), kms.PutKeyPolicyInput{KeyID: theirKey, Policy: closed}))
	require.NoError(t, s.ec2.DeleteSnapshot(s.ctx, ec2test.Root(them), shared, false))
	require.NoError(t, s.keys.DisableKey(s.ctx, ec2test.Root(them), kms.KeyInput{KeyID: theirKey[strings.LastIndexByte(theirKey, '/')+1:]}))
	back := s.create(us, ec2.DeviceSpec{SnapshotID: copied.ID})
	s.read(us, back.ID, mine, "theirs")
}

// Disabling a key leaves an attached volume working and the next attach refused, at
// once and with the reason; enabling it brings everything back, also after a restart.
func TestKeyLossAndRecovery(t *testing.T) {
	s := newStack(t)
	const us = ec2test.Account
	key := s.key(us, "")
	i := s.instance(us)
	v := s.create(us, ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: key})
	s.write(us, v.ID, i, "text")
	require.NoError(t, s.attach(us, v.ID, i, "/dev/sdf"))

	id := kms.KeyInput{KeyID: key}
	require.NoError(t, s.keys.DisableKey(s.ctx, ec2test.Root(us), id))
	_, err := s.engine.Device(v.ID).WriteAt(content("more", 4096), 4096)
	require.NoError(t, err)
	require.NoError(t, s.engine.Device(v.ID).Flush(s.ctx))
	_, err = s.engine.Device(v.ID).WriteAt(content("text", 4096), 4096)
	require.NoError(t, err)

	// After a restart the volume stays in use, impaired, its export absent.
	s.restart()
	now := s.volume(us, v.ID)
	require.Equal(t, ec2.VolumeInUseNow, now.State)
	require.Contains(t, now.Attachment.Impaired, "is disabled")
	require.False(t, s.exports.Published(v.ID))
	require.NotContains(t, s.ec2.VolumeTags(now), "coffer:nbd-uri")

	require.NoError(t, s.keys.EnableKey(s.ctx, ec2test.Root(us), id))
	s.ec2.KeysChanged()
	require.Eventually(t, func() bool { return s.exports.Published(v.ID) }, 5*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return s.volume(us, v.ID).Attachment.Impaired == "" }, 5*time.Second, time.Millisecond)
	require.Contains(t, s.ec2.VolumeTags(s.volume(us, v.ID)), "coffer:nbd-uri")
	s.detach(us, v.ID)

	require.NoError(t, s.keys.DisableKey(s.ctx, ec2test.Root(us), id))
	err = s.attach(us, v.ID, i, "/dev/sdf")
	require.True(t, ec2.HasReason(err, ec2.KeyUnavailable), "%v", err)
	require.ErrorContains(t, err, key+" is disabled.")
	require.Equal(t, ec2.VolumeAvailable, s.volume(us, v.ID).State)
	require.NoError(t, s.keys.EnableKey(s.ctx, ec2test.Root(us), id))
	s.read(us, v.ID, i, "text")
}

// What the key store is asked, by whom, and that grants go with attachments.
func TestCallsOnTheCallersBehalf(t *testing.T) {
	s := newStack(t)
	const us = ec2test.Account
	key := s.key(us, "")
	i := s.instance(us)
	role := "assumed-role/aws:ec2-infrastructure/" + i
	s.events.take()
	v := s.create(us, ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: key})
	require.Equal(t, []string{"GenerateDataKeyWithoutPlaintext root"}, s.events.take())

	require.NoError(t, s.attach(us, v.ID, i, "/dev/sdf"))
	for _, e := range s.events.list {
		if e["eventName"] == "CreateGrant" {
			parameters := e["requestParameters"].(map[string]any)
			require.Equal(t, []any{"Decrypt"}, parameters["operations"])
			require.Equal(t, map[string]any{"encryptionContextSubset": map[string]any{"aws:ebs:id": v.ID}}, parameters["constraints"])
			require.Equal(t, "ec2."+ec2test.Region+".amazonaws.com", e["userIdentity"].(map[string]any)["invokedBy"])
		}
	}
	require.Equal(t, []string{"CreateGrant root", "Decrypt " + role}, s.events.take())
	grants, err := s.keys.ListGrants(s.ctx, ec2test.Root(us), kms.ListGrantsInput{KeyID: key})
	require.NoError(t, err)
	require.Len(t, grants.Grants, 1)
	require.Equal(t, map[string]string{"aws:ebs:id": v.ID}, grants.Grants[0].EncryptionContextSubset)
	s.events.take()

	s.restart()
	require.Equal(t, []string{"Decrypt " + role}, s.events.take(), "through its grant")
	s.detach(us, v.ID)
	require.True(t, slices.Contains(s.events.take(), "RetireGrant "+role))
	grants, err = s.keys.ListGrants(s.ctx, ec2test.Root(us), kms.ListGrantsInput{KeyID: key})
	require.NoError(t, err)
	require.Empty(t, grants.Grants)

	// A user who may do everything but create grants is refused, at once; nothing is left behind.
	user := s.user("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*")
	_, err = s.ec2.AttachVolume(s.ctx, user, ec2.AttachRequest{VolumeID: v.ID, InstanceID: i, Device: "/dev/sdf"})
	require.True(t, ec2.HasReason(err, ec2.KeyUnavailable), "%v", err)
	require.ErrorContains(t, err, "kms:CreateGrant")
	require.Equal(t, ec2.VolumeAvailable, s.volume(us, v.ID).State)
	// The launch of such a user ends with a reason, and its volume is gone.
	made, err := s.ec2.RunInstances(s.ctx, user, ec2.LaunchRequest{ImageID: ec2.EmptyImageID(ec2test.Region), MinCount: 1, MaxCount: 1,
		Devices: []ec2.DeviceMapping{{Device: "/dev/sdf", Spec: ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: key}}}})
	require.NoError(t, err)
	page, err := s.ec2.DescribeInstances(s.ctx, user, ec2.Query{IDs: []string{made[0].ID}})
	require.NoError(t, err)
	require.Equal(t, ec2.InstanceTerminated, page.Items[0].State)
	require.Equal(t, "Client.InternalError", page.Items[0].StateCode)
	require.Len(t, s.store.Volumes(), 1)

	// A revoked grant is noticed at the next start.
	require.NoError(t, s.attach(us, v.ID, i, "/dev/sdf"))
	grants, err = s.keys.ListGrants(s.ctx, ec2test.Root(us), kms.ListGrantsInput{KeyID: key})
	require.NoError(t, err)
	require.NoError(t, s.keys.RevokeGrant(s.ctx, ec2test.Root(us), kms.RevokeGrantInput{KeyID: key, GrantID: grants.Grants[0].ID}))
	s.restart()
	require.NotEmpty(t, s.volume(us, v.ID).Attachment.Impaired)
	s.detach(us, v.ID)
	s.read(us, v.ID, i, "")
}

// Volumes and copies of a snapshot: the data key is wrapped again under the same key,
// and a new one is drawn under another, to which the old one is re-encrypted.
func TestCallsForSnapshots(t *testing.T) {
	s := newStack(t)
	const us = ec2test.Account
	one, two := s.key(us, ""), s.key(us, "")
	snap := s.snapshotOf(us, s.instance(us), ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: one}, "text")
	s.events.take()
	s.create(us, ec2.DeviceSpec{SnapshotID: snap})
	require.Equal(t, []string{"GenerateDataKeyWithoutPlaintext root"}, s.events.take(), "the same key")
	s.create(us, ec2.DeviceSpec{SnapshotID: snap, Encrypted: snapshot.True, KeyID: two})
	other := s.events.take()
	require.Equal(t, []string{"ReEncrypt root", "GenerateDataKeyWithoutPlaintext root"}, other[:2], "another key")

	// Without kms:ReEncryptFrom on the snapshot's key the volume fails, later and with a reason.
	user := s.user("kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncryptTo")
	v, err := s.ec2.CreateVolume(s.ctx, user, ec2.VolumeRequest{Zone: ec2test.Region + "a", DeviceSpec: ec2.DeviceSpec{SnapshotID: snap, Encrypted: snapshot.True, KeyID: two}})
	require.NoError(t, err)
	require.Equal(t, ec2.VolumeError, s.volume(us, v.ID).State)
	require.Equal(t, "Given key ID is not accessible", s.volume(us, v.ID).StateMessage)
	_, err = s.store.Volume(v.ID)
	require.ErrorIs(t, err, blockstore.ErrNotFound)
}

// A copy whose key refuses once it is under way ends in the state error and leaves
// nothing; an image made of it fails.
func TestCopyFailsWithItsKey(t *testing.T) {
	s := newStack(t)
	const us = ec2test.Account
	one, two := s.key(us, ""), s.key(us, "")
	source := s.snapshotOf(us, s.instance(us), ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: one}, "text")
	user := s.user("kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncrypt*") // and not kms:Decrypt
	copied, err := s.ec2.CopySnapshot(s.ctx, user, ec2.CopySnapshotRequest{SourceID: source, Encrypted: snapshot.True, KeyID: two})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.snapshot(us, copied.ID).State == ec2.SnapshotError }, 10*time.Second, time.Millisecond)
	require.Equal(t, "Given key ID is not accessible", s.snapshot(us, copied.ID).StateMessage)
	_, _, err = s.store.CopyStatus(copied.ID)
	require.ErrorIs(t, err, blockstore.ErrNotFound)
	require.Contains(t, s.completed(us, source).ID, source)

	image, err := s.ec2.RegisterImage(s.ctx, ec2test.Root(us), ec2.ImageRequest{Name: "image", RootDevice: "/dev/sda1", Devices: []ec2.DeviceMapping{{Device: "/dev/sda1", Spec: ec2.DeviceSpec{SnapshotID: source}}}})
	require.NoError(t, err)
	failing, err := s.ec2.CopyImage(s.ctx, user, ec2.CopyImageRequest{SourceRegion: ec2test.Region, SourceID: image.ID, Name: "copy", Encrypted: snapshot.True, KeyID: two})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		page, err := s.ec2.DescribeImages(s.ctx, ec2test.Root(us), ec2.Visible{}, ec2.Query{IDs: []string{failing.ID}})
		require.NoError(t, err)
		return page.Items[0].State == ec2.ImageFailed && page.Items[0].StateMessage == "Copy image failed with an internal error"
	}, 10*time.Second, time.Millisecond)
}

// A copy in another Region is under a key of that Region: the source's key is used
// where it is.
func TestCopyAcrossRegions(t *testing.T) {
	s := newStack(t)
	const us = ec2test.Account
	i := s.instance(us)
	there := ec2test.Root(us)
	there.Region = "us-east-1"
	far, err := s.keys.CreateKey(s.ctx, there, kms.CreateKeyInput{})
	require.NoError(t, err)
	for _, spec := range []ec2.DeviceSpec{{SizeGiB: 1, Encrypted: snapshot.True, KeyID: s.key(us, "")}, {SizeGiB: 1, Encrypted: snapshot.True}, {SizeGiB: 1}} {
		source := s.snapshotOf(us, i, spec, "text")
		copied, err := s.ec2.CopySnapshot(s.ctx, there, ec2.CopySnapshotRequest{SourceRegion: ec2test.Region, SourceID: source, Encrypted: snapshot.True, KeyID: far.ARN})
		require.NoError(t, err)
		var snap ec2.Snapshot
		require.Eventually(t, func() bool {
			page, err := s.ec2.DescribeSnapshots(s.ctx, there, ec2.Visible{}, ec2.Query{IDs: []string{copied.ID}})
			require.NoError(t, err)
			snap = page.Items[0]
			return snap.State != ec2.SnapshotPending
		}, 10*time.Second, 5*time.Millisecond)
		require.Equal(t, ec2.SnapshotCompleted, snap.State, snap.StateMessage)
		require.Equal(t, far.ARN, snap.KeyARN)
		view, err := s.store.OpenSnapshot(s.ctx, copied.ID, nil)
		require.NoError(t, err)
		got := make([]byte, blockstore.BlockSize)
		_, err = view.ReadAt(got, offsets()[2])
		require.NoError(t, err)
		require.Equal(t, content("text", offsets()[2]), got)
		require.NoError(t, view.Close())
	}
}

// The AWS page's reading of CopySnapshot, which an option selects.
func TestManagedKeyCopies(t *testing.T) {
	s := newStack(t)
	const us = ec2test.Account
	i := s.instance(us)
	source := s.snapshotOf(us, i, ec2.DeviceSpec{SizeGiB: 1, Encrypted: snapshot.True, KeyID: s.key(us, "")}, "text")
	s.managed = true
	s.restart()
	copied, err := s.ec2.CopySnapshot(s.ctx, ec2test.Root(us), ec2.CopySnapshotRequest{SourceID: source})
	require.NoError(t, err)
	managed, err := s.keys.DescribeKey(s.ctx, ec2test.Root(us), kms.DescribeKeyInput{KeyID: "alias/aws/ebs"})
	require.NoError(t, err)
	snap := s.completed(us, copied.ID)
	require.Equal(t, managed.ARN, snap.KeyARN)
	require.True(t, snap.ManagedKey)
	back := s.create(us, ec2.DeviceSpec{SnapshotID: copied.ID})
	s.read(us, back.ID, i, "text")
}

// afterAccount is the part of a principal's ARN after the account.
func afterAccount(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	return parts[len(parts)-1]
}
