package ecr_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

var encryptions = []string{ecr.EncryptionAES256, ecr.EncryptionKMS, ecr.EncryptionDSSE}

// Any range of a layer of several segments, under every encryption.
func TestRanges(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	content := noise(1, 3*aead.StreamChunkSize+777)
	for i, encryption := range encryptions {
		repo := "app" + string(rune('a'+i))
		create(t, s, repo, encryption, "")
		id, err := s.StartUpload(ctx, root, name(repo))
		require.NoError(t, err)
		at := int64(0)
		for _, size := range []int64{1, aead.StreamChunkSize, 100_000, int64(len(content)) - 100_001 - aead.StreamChunkSize} {
			at, err = s.Append(ctx, root, name(repo), id, at, bytes.NewReader(content[at:at+size]))
			require.NoError(t, err)
		}
		_, err = s.CompleteUpload(ctx, root, name(repo), id, ecrtest.Digest(content))
		require.NoError(t, err)
		open, err := s.OpenLayer(ctx, root, name(repo), ecrtest.Digest(content))
		require.NoError(t, err)
		require.EqualValues(t, len(content), open.Size())
		for _, r := range [][2]int{{0, len(content)}, {0, 1}, {1, 2}, {len(content) - 1, len(content)}, {65_000, 66_000}, {65_536, 65_538}, {165_536, 165_538}, {5, 5}} {
			var b bytes.Buffer
			require.NoError(t, open.WriteRange(&b, int64(r[0]), int64(r[1]-r[0])))
			require.True(t, bytes.Equal(content[r[0]:r[1]], b.Bytes()), "%v", r)
		}
		_, err = open.ReadAt(make([]byte, 2), int64(len(content))-1)
		require.ErrorIs(t, err, io.EOF)
		_, err = open.ReadAt(make([]byte, 2), -1)
		require.Error(t, err)
		require.NoError(t, open.Close())
	}
}

// A run that is repeated, resumed or stands beside another is sealed under a salt of its own.
func TestNoSaltComesAgain(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	create(t, s, "app", ecr.EncryptionAES256, "")
	id, err := s.StartUpload(ctx, root, name("app"))
	require.NoError(t, err)
	for range 20 {
		// Each run breaks, and the next continues behind what came.
		_, err := s.Append(ctx, root, name("app"), id, ecr.AnyOffset, io.MultiReader(strings.NewReader("same bytes"), failing{}))
		require.ErrorIs(t, err, errBroken)
	}
	size, err := s.UploadSize(ctx, root, name("app"), id)
	require.NoError(t, err)
	require.EqualValues(t, 200, size, "what came before the failure is kept")
	whole := bytes.Repeat([]byte("same bytes"), 20)
	_, err = s.CompleteUpload(ctx, root, name("app"), id, ecrtest.Digest(whole))
	require.NoError(t, err)
	got, err := pullLayer(s, root, "app", ecrtest.Digest(whole))
	require.NoError(t, err)
	require.Equal(t, whole, got)
	salts, bodies := map[string]bool{}, map[string]bool{}
	for _, sealed := range objects(t, w) {
		header := sealed[len(sealed)-aead.StreamHeaderSize:]
		salts[string(header[8:40])], bodies[string(sealed[:10])] = true, true
	}
	require.Len(t, salts, 20)
	require.Len(t, bodies, 20)
}

var errBroken = errors.New("connection broken")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

// No change of an object, and no exchange with another, is taken for content.
func TestTampering(t *testing.T) {
	for _, encryption := range encryptions {
		w := ecrtest.New(t)
		s := w.Start()
		create(t, s, "app", encryption, "")
		one, two := noise(1, 70_000), noise(2, 70_000)
		require.NoError(t, pushLayer(s, root, "app", one))
		require.NoError(t, pushLayer(s, root, "app", two))
		before := objects(t, w)
		names := slices.Sorted(maps.Keys(before))
		require.Len(t, names, 2)
		requireDamage := func(what string) {
			t.Helper()
			_, errOne := pullLayer(s, root, "app", ecrtest.Digest(one))
			_, errTwo := pullLayer(s, root, "app", ecrtest.Digest(two))
			require.ErrorIs(t, errors.Join(errOne, errTwo), ecr.ErrDamaged, what)
		}
		sealed := before[names[0]]
		for _, cut := range []int{0, 1, 63, 64, len(sealed) - 64, len(sealed) - 1} {
			replace(t, w, names[0], sealed[:cut])
			requireDamage("truncated")
		}
		replace(t, w, names[0], append(bytes.Clone(sealed), 0))
		requireDamage("extended")
		for at := 0; at < len(sealed); at += 997 {
			flipped := bytes.Clone(sealed)
			flipped[at] ^= 0x10
			replace(t, w, names[0], flipped)
			requireDamage("flipped")
		}
		replace(t, w, names[0], before[names[1]])
		requireDamage("exchanged")
		require.NoError(t, w.Blobs.Delete(ctx, names[0]))
		requireDamage("missing")
		require.NoError(t, w.Blobs.Put(ctx, names[0], func(to io.Writer) error { _, err := to.Write(sealed); return err }))
		got, err := pullLayer(s, root, "app", ecrtest.Digest(one))
		require.NoError(t, err)
		require.Equal(t, one, got)
	}
}

func TestUploadRefusals(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	create(t, s, "app", ecr.EncryptionAES256, "")
	create(t, s, "other", ecr.EncryptionAES256, "")
	id, err := s.StartUpload(ctx, root, name("app"))
	require.NoError(t, err)
	_, err = s.Append(ctx, root, name("other"), id, 0, strings.NewReader("x"))
	requireReason(t, err, ecr.UploadNotFound)
	_, err = s.Append(ctx, root, name("app"), "../"+id, 0, strings.NewReader("x"))
	requireReason(t, err, ecr.UploadNotFound)
	_, err = s.Append(ctx, root, name("app"), id, 5, strings.NewReader("x"))
	require.EqualValues(t, -1, requireReason(t, err, ecr.InvalidPart).LastValidByte)
	size, err := s.Append(ctx, root, name("app"), id, 0, strings.NewReader(""))
	require.NoError(t, err)
	require.Zero(t, size)
	_, err = s.CompleteUpload(ctx, root, name("app"), id, ecrtest.Digest([]byte("x")))
	requireReason(t, err, ecr.InvalidLayer)
	_, err = s.Append(ctx, root, name("app"), id, 0, strings.NewReader("x"))
	require.NoError(t, err, "the upload goes on")
	_, err = s.CompleteUpload(ctx, root, name("app"), id, ecrtest.Digest([]byte("x")))
	require.NoError(t, err)
}

// An upload goes on in a new process.
func TestUploadSurvivesARestart(t *testing.T) {
	w := ecrtest.New(t)
	content := noise(3, 200_000)
	for _, encryption := range encryptions {
		s := w.Start()
		repo := "app-" + strings.ToLower(strings.ReplaceAll(encryption, "_", "-"))
		create(t, s, repo, encryption, "")
		id, err := s.StartUpload(ctx, root, name(repo))
		require.NoError(t, err)
		_, err = s.Append(ctx, root, name(repo), id, 0, bytes.NewReader(content[:70_000]))
		require.NoError(t, err)
		s = w.Start()
		_, err = s.Append(ctx, root, name(repo), id, 70_000, bytes.NewReader(content[70_000:]))
		require.NoError(t, err)
		s = w.Start()
		_, err = s.CompleteUpload(ctx, root, name(repo), id, ecrtest.Digest(content))
		require.NoError(t, err)
		got, err := pullLayer(s, root, repo, ecrtest.Digest(content))
		require.NoError(t, err)
		require.Equal(t, content, got)
		require.Empty(t, slices.DeleteFunc(slices.Sorted(maps.Keys(objects(t, w))), func(n string) bool { return !strings.HasSuffix(n, "-key") }), "the upload's keys are gone")
	}
}

// A mounted layer is sealed anew under its new repository's key, and lives on without the old one.
func TestMountSealsAnew(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	create(t, s, "from", ecr.EncryptionKMS, newKey(t, w).ARN)
	to := create(t, s, "to", ecr.EncryptionKMS, newKey(t, w).ARN)
	content := noise(4, 70_000)
	require.NoError(t, pushLayer(s, root, "from", content))
	before := objects(t, w)
	w.Trail.Take()
	_, err := s.MountLayer(ctx, root, name("to"), ecrtest.Digest(content), "from")
	require.NoError(t, err)
	require.Equal(t, []string{"Decrypt", "GenerateDataKey"}, ecrtest.Names(kmsEvents(w.Trail.Take())))
	after := objects(t, w)
	require.Len(t, after, 2)
	for object, sealed := range after {
		if _, old := before[object]; !old {
			for _, other := range before {
				require.NotEqual(t, other, sealed)
			}
		}
	}
	_, err = s.DeleteRepository(ctx, root, name("from"), true)
	require.NoError(t, err)
	got, err := pullLayer(s, root, "to", ecrtest.Digest(content))
	require.NoError(t, err)
	require.Equal(t, content, got)
	// Where either key refuses, nothing is mounted and nothing is left.
	create(t, s, "third", ecr.EncryptionAES256, "")
	require.NoError(t, w.Keys.DisableKey(ctx, root, kms.KeyInput{KeyID: to.Encryption.Key}))
	_, err = s.MountLayer(ctx, root, name("third"), ecrtest.Digest(content), "to")
	require.ErrorIs(t, err, ecr.ErrNoMount)
	require.NoError(t, pushLayer(s, root, "third", []byte("other")))
	_, err = s.MountLayer(ctx, root, name("to"), ecrtest.Digest([]byte("other")), "third")
	requireReason(t, err, ecr.KeyUnavailable)
	require.Empty(t, withPrefix(records(t, w), "ecr/upload/"))
	// A reader of one repository cannot mount from another that it may not read.
	pusher := ecrtest.User("pusher", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:ecr:us-east-1:111122223333:repository/third"}]}`)
	require.NoError(t, w.Keys.EnableKey(ctx, root, kms.KeyInput{KeyID: to.Encryption.Key}))
	_, err = s.MountLayer(ctx, pusher, name("third"), ecrtest.Digest(content), "to")
	require.ErrorIs(t, err, ecr.ErrNoMount)
}

func TestCollect(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	create(t, s, "app", ecr.EncryptionAES256, "")
	used, unused := noise(5, 1000), noise(6, 1000)
	digest := pushImage(t, s, "app", "v1", used)
	require.NoError(t, pushLayer(s, root, "app", unused))
	abandoned, err := s.StartUpload(ctx, root, name("app"))
	require.NoError(t, err)
	_, err = s.Append(ctx, root, name("app"), abandoned, 0, strings.NewReader("x"))
	require.NoError(t, err)
	require.NoError(t, s.Collect(ctx))
	_, err = s.StatLayer(ctx, root, name("app"), ecrtest.Digest(unused))
	require.NoError(t, err, "too young")
	w.Pass(25 * time.Hour)
	require.NoError(t, s.Collect(ctx))
	_, err = s.StatLayer(ctx, root, name("app"), ecrtest.Digest(unused))
	requireReason(t, err, ecr.LayerNotFound)
	_, err = s.UploadSize(ctx, root, name("app"), abandoned)
	requireReason(t, err, ecr.UploadNotFound)
	_, err = pullLayer(s, root, "app", ecrtest.Digest(used))
	require.NoError(t, err)
	require.Len(t, objects(t, w), 3, "config, layer and manifest")
	_, err = s.DeleteImage(ctx, root, name("app"), ecr.ImageID{Digest: digest}, true)
	require.NoError(t, err)
	require.NoError(t, s.Collect(ctx))
	require.Empty(t, objects(t, w))
}
