package aead

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
)

// formats is testdata/formats.json: what formats.py makes of doc.go.
type formats struct {
	DataKey    hexBytes `json:"data_key"`
	Salt       hexBytes
	Store      hexBytes
	Volume     hexBytes
	Nonce      hexBytes
	Commitment hexBytes
	MAC        struct{ Message, Index, View, Anchor hexBytes }
	Blocks     []struct {
		Suite           Suite
		Block, Sequence uint64
		Tag, SHA256     hexBytes
	}
	RecordSecret hexBytes `json:"record_secret"`
	Records      []struct {
		Suite                  WrapSuite
		Plaintext, AAD, Sealed hexBytes
	}
	Material   hexBytes
	KeyID      hexBytes `json:"key_id"`
	MaterialID hexBytes `json:"material_id"`
	Wrapped    []struct {
		Suite                       WrapSuite
		Plaintext, Context, Wrapped hexBytes
	}
	Streams []struct {
		Suite                   Suite
		Length, Size            int64
		Context, Header, SHA256 hexBytes
	}
	SetHash struct {
		Add, Sub []hexBytes
		Sum      hexBytes
	} `json:"set_hash"`
}

func readFormats(t *testing.T) (f formats) {
	readJSON(t, "testdata/formats.json", &f)
	return f
}

func TestFormatKeys(t *testing.T) {
	f, dek := readFormats(t), testDataKey(t)
	require.Equal(t, []byte(f.DataKey), dek.Secret().Bytes())
	c := dek.Commitment()
	require.Equal(t, []byte(f.Commitment), c[:])
	require.True(t, dek.Matches(c))
	for k, want := range map[*MACKey]hexBytes{dek.IndexKey(): f.MAC.Index, dek.ViewKey(): f.MAC.View, dek.AnchorKey(): f.MAC.Anchor} {
		sum := k.Sum(f.MAC.Message)
		require.Equal(t, []byte(want), sum[:])
	}
}

func TestFormatBlock(t *testing.T) {
	f, dek := readFormats(t), testDataKey(t)
	for _, v := range f.Blocks {
		s, err := dek.Session(v.Suite, f.Salt, ID(f.Store), ID(f.Volume), AllowTableAES)
		require.NoError(t, err)
		sealed := s.SealBlock(new(Scratch), nil, fill(0, BlockSize), v.Block, v.Sequence)
		require.Equal(t, []byte(v.Tag), sealed[BlockSize:])
		sum := sha256.Sum256(sealed)
		require.Equal(t, []byte(v.SHA256), sum[:])
		out, err := s.OpenBlock(new(Scratch), nil, sealed, v.Block, v.Sequence)
		require.NoError(t, err)
		require.Equal(t, fill(0, BlockSize), out)
	}
}

func TestFormatRecord(t *testing.T) {
	f := readFormats(t)
	require.Len(t, f.Records, 4)
	for _, v := range f.Records {
		k := testRecordKey(t, v.Suite)
		sealed, err := k.Seal(bytes.NewReader(f.Nonce), nil, v.Plaintext, v.AAD)
		require.NoError(t, err)
		require.Equal(t, []byte(v.Sealed), sealed)
		require.Len(t, sealed, len(v.Plaintext)+RecordOverhead)
	}
}

func TestFormatWrapped(t *testing.T) {
	f := readFormats(t)
	require.Len(t, f.Wrapped, 4)
	for _, v := range f.Wrapped {
		k := testWrappingKey(t, v.Suite)
		wrapped, err := k.Wrap(bytes.NewReader(f.Nonce), v.Plaintext, v.Context)
		require.NoError(t, err)
		require.Equal(t, []byte(v.Wrapped), wrapped)
		require.Len(t, wrapped, len(v.Plaintext)+WrapOverhead)
	}
}

func TestFormatStream(t *testing.T) {
	f, dek := readFormats(t), testDataKey(t)
	require.Len(t, f.Streams, 10)
	for _, v := range f.Streams {
		var out bytes.Buffer
		w, err := NewStreamWriter(&out, bytes.NewReader(f.Salt), dek.Secret(), StreamSpec{v.Suite, v.Context, v.Length}, AllowTableAES)
		require.NoError(t, err)
		_, err = w.Write(fill(0, int(v.Length)))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.Equal(t, []byte(v.Header), w.Header())
		require.Equal(t, v.Size, int64(out.Len()))
		sum := sha256.Sum256(out.Bytes())
		require.Equal(t, []byte(v.SHA256), sum[:])
	}
}

func TestFormatSetHash(t *testing.T) {
	f := readFormats(t)
	var s SetHash
	for _, m := range f.SetHash.Sub {
		s.Sub([32]byte(m))
	}
	for _, m := range f.SetHash.Add {
		s.Add([32]byte(m))
	}
	require.Equal(t, []byte(f.SetHash.Sum), s[:])
}
