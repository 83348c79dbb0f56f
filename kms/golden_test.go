package kms_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

var writeGolden = flag.String("golden.write", "", "write a golden store of the present format into this new directory")

// golden is what is known of a golden store. Its root key is public: it protects nothing.
type golden struct {
	Account  string            `json:"account"`
	KeyID    string            `json:"keyId"`
	Context  map[string]string `json:"context"`
	Old      []byte            `json:"old"` // under material that was rotated away
	New      []byte            `json:"new"`
	Reserved []byte            `json:"reserved"`
	GrantID  string            `json:"grantId"`
	Grantee  string            `json:"grantee"`
	MacKeyID string            `json:"macKeyId"`
	Mac      []byte            `json:"mac"`
	Anchor   []byte            `json:"anchor"`
}

func goldenOptions(dir string) kms.Options {
	return kms.Options{Dir: filepath.Join(dir, "data"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key"))}
}

func TestWriteGolden(t *testing.T) {
	dir := *writeGolden
	if dir == "" {
		dir = t.TempDir() // what is written opens
	}
	o := goldenOptions(dir)
	require.NoError(t, kms.Init(o))
	k, err := kms.Open(o)
	require.NoError(t, err)
	root := k.RootCaller()
	g := golden{Account: k.Account(), Context: pairs{"aws:ebs:id": "vol-1", "é": ""}, Grantee: "arn:aws:iam::" + k.Account() + ":user/alice"}
	key, err := k.CreateKey(ctx, root, kms.CreateKeyInput{Description: "golden", Tags: []kms.Tag{{Key: "a", Value: "b"}}})
	require.NoError(t, err)
	g.KeyID = key.ID
	encrypt := func() []byte {
		out, err := k.Encrypt(ctx, root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("golden"), EncryptionContext: g.Context})
		require.NoError(t, err)
		return out.CiphertextBlob
	}
	g.Old = encrypt()
	_, err = k.RotateKeyOnDemand(ctx, root, kms.KeyInput{KeyID: key.ID})
	require.NoError(t, err)
	g.New = encrypt()
	require.NoError(t, k.EnableKeyRotation(ctx, root, kms.EnableKeyRotationInput{KeyID: key.ID, RotationPeriodInDays: ptr(2560)}))
	require.NoError(t, k.CreateAlias(ctx, root, kms.AliasInput{AliasName: "alias/golden", TargetKeyID: key.ID}))
	grant, err := k.CreateGrant(ctx, root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: g.Grantee, Operations: []string{"Decrypt"},
		EncryptionContextSubset: pairs{"aws:ebs:id": "vol-1"}, Name: "golden"})
	require.NoError(t, err)
	g.GrantID = grant.GrantID
	_, g.Reserved, _, err = k.Keyring().NewDataKey(ctx, "", g.Context)
	require.NoError(t, err)
	mac, err := k.CreateKey(ctx, root, kms.CreateKeyInput{KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC"})
	require.NoError(t, err)
	g.MacKeyID = mac.ID
	out, err := k.GenerateMac(ctx, root, kms.MacInput{KeyID: mac.ID, Message: []byte("golden"), MacAlgorithm: "HMAC_SHA_256"})
	require.NoError(t, err)
	g.Mac, g.Anchor = out.Mac, []byte("anchor")
	require.NoError(t, k.Keyring().Save(ctx, "vol-1", g.Anchor))
	require.NoError(t, k.Close())
	b, err := json.MarshalIndent(g, "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "facts.json"), append(b, '\n'), 0o600))
	checkGolden(t, dir)
}

// TestGoldenStores opens a store of every released format, in a copy.
func TestGoldenStores(t *testing.T) {
	versions, err := filepath.Glob("testdata/golden/*")
	require.NoError(t, err)
	require.NotEmpty(t, versions)
	for _, v := range versions {
		t.Run(filepath.Base(v), func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(v)))
			require.NoError(t, os.Chmod(filepath.Join(dir, "root.key"), 0o600))
			checkGolden(t, dir)
		})
	}
}

func checkGolden(t *testing.T, dir string) {
	var g golden
	b, err := os.ReadFile(filepath.Join(dir, "facts.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &g))
	o := goldenOptions(dir)
	k, err := kms.Open(o)
	require.NoError(t, err)
	require.Equal(t, g.Account, k.Account())
	root := k.RootCaller()
	m, err := k.DescribeKey(ctx, root, kms.DescribeKeyInput{KeyID: "alias/golden"})
	require.NoError(t, err)
	require.Equal(t, g.KeyID, m.ID)
	require.Equal(t, "golden", m.Description)
	alice := kms.Caller{Account: g.Account, Type: "IAMUser", ARN: g.Grantee}
	for _, blob := range [][]byte{g.Old, g.New} {
		out, err := k.Decrypt(ctx, alice, kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: g.Context})
		require.NoError(t, err)
		require.Equal(t, "golden", string(out.Plaintext))
	}
	list, err := k.ListGrants(ctx, root, kms.ListGrantsInput{KeyID: g.KeyID, GrantID: g.GrantID})
	require.NoError(t, err)
	require.Equal(t, "golden", list.Grants[0].Name)
	_, err = k.Keyring().Unwrap(ctx, g.Reserved, g.Context)
	require.NoError(t, err)
	_, err = k.VerifyMac(ctx, root, kms.VerifyMacInput{Mac: g.Mac, MacInput: kms.MacInput{KeyID: g.MacKeyID, Message: []byte("golden"), MacAlgorithm: "HMAC_SHA_256"}})
	require.NoError(t, err)
	anchor, err := k.Keyring().Load(ctx, "vol-1")
	require.NoError(t, err)
	require.Equal(t, g.Anchor, anchor)
	require.NoError(t, k.Close())
}
