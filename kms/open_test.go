package kms_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta/memmeta"
	"coffer.example/kms"
)

// dirOptions are options of a KMS with its own store in a fresh directory.
func dirOptions(t *testing.T) kms.Options {
	dir := t.TempDir()
	return kms.Options{Dir: filepath.Join(dir, "data"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key")), Logf: t.Logf}
}

// snapshot reads every file under dir.
func snapshot(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	}))
	return files
}

func TestInitOpenAndReopen(t *testing.T) {
	o := dirOptions(t)
	_, err := kms.Open(o)
	require.ErrorIs(t, err, kms.ErrNotInitialised)
	require.NoDirExists(t, o.Dir)

	require.NoError(t, kms.Init(o))
	info, err := os.Stat(filepath.Join(filepath.Dir(o.Dir), "root.key"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	require.ErrorIs(t, kms.Init(o), kms.ErrInitialised)

	k, err := kms.Open(o)
	require.NoError(t, err)
	require.Len(t, k.Account(), 12)
	key, err := k.CreateKey(ctx, k.RootCaller(), kms.CreateKeyInput{Description: "kept"})
	require.NoError(t, err)
	dek, blob, _, err := k.Keyring().NewDataKey(ctx, key.ID, pairs{"a": "b"})
	require.NoError(t, err)
	_, err = kms.Open(o)
	require.ErrorIs(t, err, kms.ErrInUse)
	account := k.Account()
	require.NoError(t, k.Close())

	k, err = kms.Open(o)
	require.NoError(t, err)
	require.Equal(t, account, k.Account())
	m, err := k.DescribeKey(ctx, k.RootCaller(), kms.DescribeKeyInput{KeyID: key.ID})
	require.NoError(t, err)
	require.Equal(t, key, m)
	again, err := k.Keyring().Unwrap(ctx, blob, pairs{"a": "b"})
	require.NoError(t, err)
	require.True(t, dek.Secret().Equal(again.Secret()))
	require.NoError(t, k.Close())
}

// TestRefusalsChangeNothing opens with every wrong root key and damaged file: one
// clear sentence, and not a byte of the directory differs afterwards.
func TestRefusalsChangeNothing(t *testing.T) {
	o := dirOptions(t)
	require.NoError(t, kms.Init(o))
	parent := filepath.Dir(o.Dir)
	keyFile := filepath.Join(parent, "root.key")
	other := dirOptions(t)
	require.NoError(t, kms.Init(other))
	otherKey := filepath.Join(filepath.Dir(other.Dir), "root.key")
	write := func(name, content string, mode fs.FileMode) string {
		path := filepath.Join(parent, name)
		require.NoError(t, os.WriteFile(path, []byte(content), mode))
		return path
	}
	good, err := os.ReadFile(keyFile)
	require.NoError(t, err)
	flipped := bytes.Replace(good, good[20:21], []byte{good[20] ^ 1}, 1)

	for name, c := range map[string]struct {
		root kms.Root
		want error
		text string
	}{
		"another directory's key": {kms.RootKeyFile(otherKey), kms.ErrWrongRoot, "is not the key of"},
		"damaged key":             {kms.RootKeyFile(write("flipped", string(flipped), 0o600)), kms.ErrDamagedRoot, "flipped"},
		"truncated key":           {kms.RootKeyFile(write("short", string(good[:50]), 0o600)), kms.ErrDamagedRoot, "short"},
		"empty key":               {kms.RootKeyFile(write("empty", "", 0o600)), kms.ErrDamagedRoot, "empty"},
		"missing key":             {kms.RootKeyFile(filepath.Join(parent, "gone")), fs.ErrNotExist, "gone"},
		"readable by others":      {kms.RootKeyFile(write("open", string(good), 0o644)), nil, "must be 0600"},
		"passphrase":              {kms.RootPassphrase([]byte("x")), kms.ErrWrongRoot, "sealed by file"},
		"unset variable":          {kms.RootKeyEnv("COFFER_TEST_UNSET"), kms.ErrWrongRoot, "sealed by file"},
	} {
		t.Run(name, func(t *testing.T) {
			before := snapshot(t, o.Dir)
			wrong := o
			wrong.Root = c.root
			_, err := kms.Open(wrong)
			require.Error(t, err)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			require.ErrorContains(t, err, c.text)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), string(good[14:78]), "never the key")
			require.Equal(t, before, snapshot(t, o.Dir))
		})
	}
	k, err := kms.Open(o)
	require.NoError(t, err)
	require.NoError(t, k.Close())
}

func TestSealingRecordDamage(t *testing.T) {
	o := dirOptions(t)
	require.NoError(t, kms.Init(o))
	path := filepath.Join(o.Dir, "root.sealed")
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		_, err := kms.Open(o)
		require.True(t, err != nil && (strings.Contains(err.Error(), kms.ErrDamaged.Error()) || strings.Contains(err.Error(), kms.ErrFormat.Error())), "byte %d: %v", i, err)
		require.ErrorIs(t, kms.Init(o), errOf(err), "Init does not write over a damaged record")
	}
	for n := range good {
		require.NoError(t, os.WriteFile(path, good[:n], 0o600))
		_, err := kms.Open(o)
		require.Error(t, err)
	}
	require.NoError(t, os.WriteFile(path, good, 0o600))
	k, err := kms.Open(o)
	require.NoError(t, err)
	require.NoError(t, k.Close())
}

func errOf(err error) error {
	if strings.Contains(err.Error(), kms.ErrFormat.Error()) {
		return kms.ErrFormat
	}
	return kms.ErrDamaged
}

func TestMetadataOfAnotherDirectory(t *testing.T) {
	a, b := dirOptions(t), dirOptions(t)
	require.NoError(t, kms.Init(a))
	require.NoError(t, kms.Init(b))
	require.NoError(t, os.RemoveAll(filepath.Join(a.Dir, "meta")))
	_, err := kms.Open(a)
	require.ErrorIs(t, err, kms.ErrDamaged)
	require.NoError(t, os.Rename(filepath.Join(b.Dir, "meta"), filepath.Join(a.Dir, "meta")))
	_, err = kms.Open(a)
	require.ErrorIs(t, err, kms.ErrDamaged)
	require.ErrorContains(t, err, "not sealed under this root key")
}

func TestInitRefusesMetadataWithoutSealingRecord(t *testing.T) {
	o := dirOptions(t)
	require.NoError(t, kms.Init(o))
	require.NoError(t, os.Remove(filepath.Join(o.Dir, "root.sealed")))
	before := snapshot(t, o.Dir)
	require.ErrorIs(t, kms.Init(o), kms.ErrInitialised)
	require.Equal(t, before, snapshot(t, o.Dir))
}

// TestInterruptedInit leaves a directory as Init does when it is killed before its last step.
func TestInterruptedInit(t *testing.T) {
	w := newWorld(t)
	o := w.opts
	for _, finish := range []func(kms.Options) error{kms.Init, func(o kms.Options) error {
		k, err := kms.Open(o)
		if err != nil {
			return err
		}
		return k.Close()
	}} {
		fresh := o
		dir := t.TempDir()
		fresh.Dir, fresh.Root = filepath.Join(dir, "data"), kms.RootKeyFile(filepath.Join(dir, "root.key"))
		broken := &failingStore{Store: memmeta.New(), commits: 0}
		fresh.Store = broken
		require.ErrorIs(t, kms.Init(fresh), errStore)
		broken.commits = 1 << 30
		require.NoError(t, finish(fresh))
		require.ErrorIs(t, kms.Init(fresh), kms.ErrInitialised)
	}
}

func TestRootKeyInsideTheDirectory(t *testing.T) {
	o := dirOptions(t)
	inside := filepath.Join(o.Dir, "root.key")
	require.NoError(t, os.MkdirAll(o.Dir, 0o700))
	link := filepath.Join(filepath.Dir(o.Dir), "link")
	require.NoError(t, os.Symlink(o.Dir, link))
	for _, path := range []string{inside, filepath.Join(link, "root.key"), filepath.Join(o.Dir, "..", "data", "k")} {
		o.Root = kms.RootKeyFile(path)
		require.ErrorContains(t, kms.Init(o), "lies in the data directory")
	}
	o.Root = kms.InsecureRootKeyFile(inside)
	require.NoError(t, kms.Init(o))
	k, err := kms.Open(o)
	require.NoError(t, err)
	require.NoError(t, k.Close())
}

func TestPassphrase(t *testing.T) {
	o := dirOptions(t)
	o.Root = kms.RootPassphrase([]byte("correct horse"))
	require.NoError(t, kms.Init(o))
	k, err := kms.Open(o)
	require.NoError(t, err)
	require.NoError(t, k.Close())
	before := snapshot(t, o.Dir)
	o.Root = kms.RootPassphrase([]byte("wrong horse"))
	_, err = kms.Open(o)
	require.ErrorIs(t, err, kms.ErrWrongRoot)
	require.ErrorContains(t, err, "the passphrase is not that of")
	require.Equal(t, before, snapshot(t, o.Dir))
	o = dirOptions(t)
	o.Root = kms.RootPassphrase(nil)
	require.ErrorContains(t, kms.Init(o), "passphrase is empty")
}

func TestRootKeyEnv(t *testing.T) {
	text, err := kms.NewRootKey(bytes.NewReader(bytes.Repeat([]byte{9}, 32)))
	require.NoError(t, err)
	o := dirOptions(t)
	o.Root = kms.RootKeyEnv("COFFER_TEST_ROOT")
	require.ErrorContains(t, kms.Init(o), "is not set")
	t.Setenv("COFFER_TEST_ROOT", text)
	require.NoError(t, kms.Init(o))
	k, err := kms.Open(o)
	require.NoError(t, err)
	require.NoError(t, k.Close())
	t.Setenv("COFFER_TEST_ROOT", text[:len(text)-1]+"x")
	_, err = kms.Open(o)
	require.ErrorIs(t, err, kms.ErrDamagedRoot)
}
