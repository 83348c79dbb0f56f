package aead

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const childVariable = "COFFER_TEST_TABLE_AES_CHILD"

// runnerVariable names what runs a child of a test whose architecture the kernel does not run, such as qemu-aarch64-static.
const runnerVariable = "COFFER_TEST_RUNNER"

// TestTableAES runs TestTableAESChild in processes whose CPU features are switched
// off: GODEBUG is read once, at the start.
func TestTableAES(t *testing.T) {
	paths := map[string]string{"cpu.all=off": PathGeneric, "cpu.aes=off": PathGeneric}
	switch runtime.GOARCH {
	case "amd64":
		paths["cpu.pclmulqdq=off"] = PathAESOnly
		paths["cpu.ssse3=off"] = PathGeneric
	case "arm64":
		paths["cpu.pmull=off"] = PathAESOnly
	}
	if Features().GCMPath == PathGeneric {
		paths = map[string]string{"": PathGeneric}
	}
	for debug, path := range paths {
		command := append(strings.Fields(os.Getenv(runnerVariable)), os.Args[0], "-test.run=^TestTableAESChild$", "-test.v")
		child := exec.Command(command[0], command[1:]...)
		child.Env = append(os.Environ(), "GODEBUG="+debug, childVariable+"="+path)
		out, err := child.CombinedOutput()
		require.NoError(t, err, "%s\n%s", debug, out)
		require.Contains(t, string(out), "--- PASS: TestTableAESChild", debug)
	}
}

// TestTableAESChild checks that table-driven AES is refused everywhere and opens
// everything when it is allowed. Outside a child process it has nothing to check.
func TestTableAESChild(t *testing.T) {
	path := os.Getenv(childVariable)
	if path == "" {
		return
	}
	f := Features()
	require.Equal(t, path, f.GCMPath)
	require.False(t, f.ConstantTimeAES)
	require.Equal(t, SuiteChaCha20Poly1305, f.DefaultSuite)
	require.Equal(t, WrapXChaCha20Poly1305, f.DefaultWrapSuite)

	v, dek := readFormats(t), testDataKey(t)
	_, err := dek.Session(SuiteAES256GCM, v.Salt, ID(v.Store), ID(v.Volume))
	require.ErrorIs(t, err, ErrNotConstantTime)
	s, err := dek.Session(SuiteAES256GCM, v.Salt, ID(v.Store), ID(v.Volume), AllowTableAES)
	require.NoError(t, err)
	require.Equal(t, []byte(v.Blocks[0].Tag), s.SealBlock(new(Scratch), nil, fill(0, BlockSize), 0, 1)[BlockSize:])

	checkTableWrapping(t, v)
	checkTableRecords(t, v)

	_, err = NewStreamWriter(new(bytes.Buffer), new(counting), dek.Secret(), StreamSpec{Suite: SuiteAES256GCM})
	require.ErrorIs(t, err, ErrNotConstantTime)
	sealed := sealStream(t, SuiteAES256GCM, []byte("layer"))
	_, err = OpenStream(bytes.NewReader(sealed), int64(len(sealed)), dek.Secret(), []byte("context"))
	require.ErrorIs(t, err, ErrNotConstantTime)
	_, err = openStream(t, sealed)
	require.NoError(t, err)
}

func checkTableWrapping(t *testing.T, v formats) {
	header := WrapHeader{ID(v.KeyID), [32]byte(v.MaterialID)}
	plain, err := NewWrappingKey(header, NewSecret(bytes.Clone(v.Material)))
	require.NoError(t, err)
	allowed, err := NewWrappingKey(header, NewSecret(bytes.Clone(v.Material)), AllowTableAES)
	require.NoError(t, err)
	for _, w := range v.Wrapped {
		_, err = plain.Unwrap(w.Wrapped, w.Context)
		if w.Suite == WrapXAES256GCM {
			require.ErrorIs(t, err, ErrNotConstantTime)
		} else {
			require.NoError(t, err)
		}
		s, err := allowed.Unwrap(w.Wrapped, w.Context)
		require.NoError(t, err)
		require.Equal(t, []byte(w.Plaintext), s.Bytes())
	}
	for _, k := range []*WrappingKey{plain, allowed} { // allowing never changes the default
		w, err := k.Wrap(new(counting), []byte("key"), nil)
		require.NoError(t, err)
		require.Equal(t, byte(WrapXChaCha20Poly1305), w[5])
	}
}

func checkTableRecords(t *testing.T, v formats) {
	plain, err := NewRecordKey(NewSecret(bytes.Clone(v.RecordSecret)))
	require.NoError(t, err)
	allowed, err := NewRecordKey(NewSecret(bytes.Clone(v.RecordSecret)), AllowTableAES)
	require.NoError(t, err)
	for _, r := range v.Records {
		_, err = plain.Open(nil, r.Sealed, r.AAD)
		if r.Suite == WrapXAES256GCM {
			require.ErrorIs(t, err, ErrNotConstantTime)
		} else {
			require.NoError(t, err)
		}
		_, err = allowed.Open(nil, r.Sealed, r.AAD)
		require.NoError(t, err)
	}
}

func TestFeaturesOfThisProcess(t *testing.T) {
	f := Features()
	require.Equal(t, runtime.GOARCH, f.GOARCH)
	require.Equal(t, f.ConstantTimeAES, f.DefaultSuite == SuiteAES256GCM)
	require.Equal(t, f.ConstantTimeAES, f.DefaultWrapSuite == WrapXAES256GCM)
	for _, x := range f.Features {
		require.False(t, x.Effective && !x.Hardware, "%s is in effect but not in the hardware", x.Name)
	}
}
