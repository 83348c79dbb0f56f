package kms_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

// subject is a key in some state, with what operations on it need: made while it was enabled.
type subject struct {
	w        *world
	meta     *kms.KeyMetadata
	other    *kms.KeyMetadata
	blob     []byte
	grants   []string
	alias    string
	importer *importer
}

// outcome is what the table says of an operation in a state.
//
//	ok  D is disabled  P is pending deletion  I is pending import  N is not pending deletion  U unsupported
func outcome(err error) string {
	var e *kms.Error
	switch {
	case err == nil:
		return "ok"
	case !errors.As(err, &e):
		return "error: " + err.Error()
	case errors.Is(err, kms.ErrUnsupported):
		return "U"
	case errors.Is(err, kms.ErrDisabled) && strings.HasSuffix(e.Message, " is disabled."):
		return "D"
	case errors.Is(err, kms.ErrInvalidState) && strings.HasSuffix(e.Message, " is pending deletion."):
		return "P"
	case errors.Is(err, kms.ErrInvalidState) && strings.HasSuffix(e.Message, " is pending import."):
		return "I"
	case errors.Is(err, kms.ErrInvalidState) && strings.HasSuffix(e.Message, " is not pending deletion."):
		return "N"
	}
	return "error: " + err.Error()
}

// stateOps are the operations on a key, each with the outcomes in the states
// Enabled, Disabled, PendingDeletion (of AWS_KMS origin), then Enabled, Disabled,
// PendingDeletion and PendingImport of EXTERNAL origin.
var stateOps = []struct {
	name string
	want string
	run  func(*subject) error
}{
	{"Encrypt", "ok D P ok D P I", func(s *subject) error {
		_, err := s.w.Encrypt(ctx, s.w.root, kms.EncryptInput{KeyID: s.meta.ID, Plaintext: []byte("x")})
		return err
	}},
	{"Decrypt", "ok D P ok D P I", func(s *subject) error {
		_, err := s.w.Decrypt(ctx, s.w.root, kms.DecryptInput{CiphertextBlob: s.blob})
		return err
	}},
	{"ReEncryptFrom", "ok D P ok D P I", func(s *subject) error {
		_, err := s.w.ReEncrypt(ctx, s.w.root, kms.ReEncryptInput{CiphertextBlob: s.blob, DestinationKeyID: s.other.ID})
		return err
	}},
	{"ReEncryptTo", "ok D P ok D P I", func(s *subject) error {
		enc, err := s.w.Encrypt(ctx, s.w.root, kms.EncryptInput{KeyID: s.other.ID, Plaintext: []byte("x")})
		require.NoError(s.w.t, err)
		_, err = s.w.ReEncrypt(ctx, s.w.root, kms.ReEncryptInput{CiphertextBlob: enc.CiphertextBlob, DestinationKeyID: s.meta.ID})
		return err
	}},
	{"GenerateDataKey", "ok D P ok D P I", func(s *subject) error {
		_, err := s.w.GenerateDataKey(ctx, s.w.root, kms.GenerateDataKeyInput{KeyID: s.meta.ID, KeySpec: "AES_256"})
		return err
	}},
	{"GenerateDataKeyWithoutPlaintext", "ok D P ok D P I", func(s *subject) error {
		_, err := s.w.GenerateDataKeyWithoutPlaintext(ctx, s.w.root, kms.GenerateDataKeyInput{KeyID: s.meta.ID, KeySpec: "AES_256"})
		return err
	}},
	{"GenerateDataKeyPair", "ok D P ok D P I", func(s *subject) error {
		_, err := s.w.GenerateDataKeyPair(ctx, s.w.root, kms.GenerateDataKeyPairInput{KeyID: s.meta.ID, KeyPairSpec: "ECC_NIST_P256"})
		return err
	}},
	{"GenerateDataKeyPairWithoutPlaintext", "ok D P ok D P I", func(s *subject) error {
		_, err := s.w.GenerateDataKeyPairWithoutPlaintext(ctx, s.w.root, kms.GenerateDataKeyPairInput{KeyID: s.meta.ID, KeyPairSpec: "ECC_NIST_P256"})
		return err
	}},
	{"Keyring.NewDataKey", "ok D P ok D P I", func(s *subject) error {
		_, _, _, err := s.w.Keyring().NewDataKey(ctx, s.meta.ID, nil)
		return err
	}},
	{"CreateGrant", "ok D P ok D P I", func(s *subject) error {
		_, err := s.w.CreateGrant(ctx, s.w.root, kms.CreateGrantInput{KeyID: s.meta.ID, GranteePrincipal: s.w.root.ARN, Operations: []string{"Decrypt"}})
		return err
	}},
	{"CancelKeyDeletion", "N N ok N N ok N", func(s *subject) error {
		_, err := s.w.CancelKeyDeletion(ctx, s.w.root, kms.KeyInput{KeyID: s.meta.ID})
		return err
	}},
	{"ScheduleKeyDeletion", "ok ok P ok ok P ok", func(s *subject) error {
		_, err := s.w.ScheduleKeyDeletion(ctx, s.w.root, kms.ScheduleKeyDeletionInput{KeyID: s.meta.ID})
		return err
	}},
	{"EnableKey", "ok ok P ok ok P I", func(s *subject) error { return s.w.EnableKey(ctx, s.w.root, kms.KeyInput{KeyID: s.meta.ID}) }},
	{"DisableKey", "ok ok P ok ok P I", func(s *subject) error { return s.w.DisableKey(ctx, s.w.root, kms.KeyInput{KeyID: s.meta.ID}) }},
	{"EnableKeyRotation", "ok D P U U U U", func(s *subject) error {
		return s.w.EnableKeyRotation(ctx, s.w.root, kms.EnableKeyRotationInput{KeyID: s.meta.ID})
	}},
	{"DisableKeyRotation", "ok D P U U U U", func(s *subject) error {
		return s.w.DisableKeyRotation(ctx, s.w.root, kms.KeyInput{KeyID: s.meta.ID})
	}},
	{"GetKeyRotationStatus", "ok ok ok U U U U", func(s *subject) error {
		_, err := s.w.GetKeyRotationStatus(ctx, s.w.root, kms.KeyInput{KeyID: s.meta.ID})
		return err
	}},
	{"ListKeyRotations", "ok ok ok ok ok ok ok", func(s *subject) error {
		_, err := s.w.ListKeyRotations(ctx, s.w.root, kms.ListKeyRotationsInput{KeyID: s.meta.ID})
		return err
	}},
	{"RotateKeyOnDemand", "ok D P ok D P I", func(s *subject) error {
		if s.meta.Origin == "EXTERNAL" && s.meta.State == kms.Enabled {
			s.importer.put(s.meta.ID, bytesOf(0x77), "NEW_KEY_MATERIAL")
		}
		_, err := s.w.RotateKeyOnDemand(ctx, s.w.root, kms.KeyInput{KeyID: s.meta.ID})
		return err
	}},
	{"CreateAlias", "ok ok P ok ok P ok", func(s *subject) error {
		return s.w.CreateAlias(ctx, s.w.root, kms.AliasInput{AliasName: "alias/new", TargetKeyID: s.meta.ID})
	}},
	{"UpdateAlias away", "ok ok ok ok ok ok ok", func(s *subject) error {
		return s.w.UpdateAlias(ctx, s.w.root, kms.AliasInput{AliasName: s.alias, TargetKeyID: s.other.ID})
	}},
	{"UpdateAlias to", "ok ok P ok ok P ok", func(s *subject) error {
		require.NoError(s.w.t, s.w.CreateAlias(ctx, s.w.root, kms.AliasInput{AliasName: "alias/elsewhere", TargetKeyID: s.other.ID}))
		return s.w.UpdateAlias(ctx, s.w.root, kms.AliasInput{AliasName: "alias/elsewhere", TargetKeyID: s.meta.ID})
	}},
	{"DeleteAlias", "ok ok ok ok ok ok ok", func(s *subject) error {
		return s.w.DeleteAlias(ctx, s.w.root, kms.AliasInput{AliasName: s.alias})
	}},
	{"ListAliases", "ok ok ok ok ok ok ok", func(s *subject) error {
		_, err := s.w.ListAliases(ctx, s.w.root, kms.ListAliasesInput{KeyID: s.meta.ID})
		return err
	}},
	{"TagResource", "ok ok P ok ok P ok", func(s *subject) error {
		return s.w.TagResource(ctx, s.w.root, kms.TagResourceInput{KeyID: s.meta.ID, Tags: []kms.Tag{{Key: "a", Value: "b"}}})
	}},
	{"UntagResource", "ok ok P ok ok P ok", func(s *subject) error {
		return s.w.UntagResource(ctx, s.w.root, kms.UntagResourceInput{KeyID: s.meta.ID, TagKeys: []string{"a"}})
	}},
	{"ListResourceTags", "ok ok ok ok ok ok ok", func(s *subject) error {
		_, err := s.w.ListResourceTags(ctx, s.w.root, kms.ListResourceTagsInput{KeyID: s.meta.ID})
		return err
	}},
	{"UpdateKeyDescription", "ok ok P ok ok P ok", func(s *subject) error {
		return s.w.UpdateKeyDescription(ctx, s.w.root, kms.UpdateKeyDescriptionInput{KeyID: s.meta.ID, Description: "d"})
	}},
	{"DescribeKey", "ok ok ok ok ok ok ok", func(s *subject) error {
		_, err := s.w.DescribeKey(ctx, s.w.root, kms.DescribeKeyInput{KeyID: s.meta.ID})
		return err
	}},
	{"GetKeyPolicy", "ok ok ok ok ok ok ok", func(s *subject) error {
		_, err := s.w.GetKeyPolicy(ctx, s.w.root, kms.GetKeyPolicyInput{KeyID: s.meta.ID})
		return err
	}},
	{"PutKeyPolicy", "ok ok ok ok ok ok ok", func(s *subject) error {
		return s.w.PutKeyPolicy(ctx, s.w.root, kms.PutKeyPolicyInput{KeyID: s.meta.ID, Policy: rootPolicy(account)})
	}},
	{"ListKeyPolicies", "ok ok ok ok ok ok ok", func(s *subject) error {
		_, err := s.w.ListKeyPolicies(ctx, s.w.root, kms.ListKeyPoliciesInput{KeyID: s.meta.ID})
		return err
	}},
	{"ListGrants", "ok ok ok ok ok ok ok", func(s *subject) error {
		_, err := s.w.ListGrants(ctx, s.w.root, kms.ListGrantsInput{KeyID: s.meta.ID})
		return err
	}},
	{"RetireGrant", "ok ok ok ok ok ok ok", func(s *subject) error {
		return s.w.RetireGrant(ctx, s.w.root, kms.RetireGrantInput{KeyID: s.meta.ARN, GrantID: s.grants[0]})
	}},
	{"RevokeGrant", "ok ok ok ok ok ok ok", func(s *subject) error {
		return s.w.RevokeGrant(ctx, s.w.root, kms.RevokeGrantInput{KeyID: s.meta.ID, GrantID: s.grants[1]})
	}},
	{"GetKeyLastUsage", "ok ok ok ok ok ok ok", func(s *subject) error {
		_, err := s.w.GetKeyLastUsage(ctx, s.w.root, kms.KeyInput{KeyID: s.meta.ID})
		return err
	}},
	{"GetParametersForImport", "U U U ok ok P ok", func(s *subject) error {
		_, err := s.w.GetParametersForImport(ctx, s.w.root, kms.GetParametersForImportInput{KeyID: s.meta.ID,
			WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048"})
		return err
	}},
	{"ImportKeyMaterial", "U U U ok ok P ok", func(s *subject) error {
		return s.importer.put(s.meta.ID, bytesOf(0x11), "")
	}},
	{"DeleteImportedKeyMaterial", "U U U ok ok ok ok", func(s *subject) error {
		_, err := s.w.DeleteImportedKeyMaterial(ctx, s.w.root, kms.DeleteImportedKeyMaterialInput{KeyID: s.meta.ID})
		return err
	}},
}

// TestStateTable is reference table "key states": every operation in every state.
func TestStateTable(t *testing.T) {
	w := newWorld(t)
	im := newImporter(w)
	columns := []struct{ origin, state string }{
		{"AWS_KMS", "Enabled"}, {"AWS_KMS", "Disabled"}, {"AWS_KMS", "PendingDeletion"},
		{"EXTERNAL", "Enabled"}, {"EXTERNAL", "Disabled"}, {"EXTERNAL", "PendingDeletion"}, {"EXTERNAL", "PendingImport"},
	}
	for _, op := range stateOps {
		want := strings.Fields(op.want)
		require.Len(t, want, len(columns), op.name)
		for i, c := range columns {
			t.Run(fmt.Sprintf("%s/%s %s", op.name, c.origin, c.state), func(t *testing.T) {
				s := newSubject(w, im, c.origin, c.state)
				require.Equal(t, want[i], outcome(op.run(s)))
				for _, alias := range []string{s.alias, "alias/new", "alias/elsewhere"} {
					_ = w.DeleteAlias(ctx, w.root, kms.AliasInput{AliasName: alias}) // not every operation has made it
				}
			})
		}
	}
}

func newSubject(w *world, im *importer, origin, state string) *subject {
	m, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{Origin: origin})
	require.NoError(w.t, err)
	s := &subject{w: w, other: w.key(), alias: "alias/subject", importer: im}
	if origin == "EXTERNAL" {
		require.NoError(w.t, w.ImportDirectly(ctx, w.root, m.ID, bytesOf(0x11)))
	}
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: m.ID, Plaintext: []byte("x")})
	require.NoError(w.t, err)
	s.blob = enc.CiphertextBlob
	for range 2 {
		g, err := w.CreateGrant(ctx, w.root, kms.CreateGrantInput{KeyID: m.ID, GranteePrincipal: w.root.ARN, Operations: []string{"Decrypt"}})
		require.NoError(w.t, err)
		s.grants = append(s.grants, g.GrantID)
	}
	require.NoError(w.t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: s.alias, TargetKeyID: m.ID}))
	switch state {
	case "Disabled":
		err = w.DisableKey(ctx, w.root, kms.KeyInput{KeyID: m.ID})
	case "PendingDeletion":
		_, err = w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: m.ID})
	case "PendingImport":
		_, err = w.DeleteImportedKeyMaterial(ctx, w.root, kms.DeleteImportedKeyMaterialInput{KeyID: m.ID})
	}
	require.NoError(w.t, err)
	s.meta, err = w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: m.ID})
	require.NoError(w.t, err)
	require.EqualValues(w.t, state, s.meta.State)
	return s
}

// rootPolicy is a key policy that leaves everything to an account.
func rootPolicy(account string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"kms:*","Resource":"*"}]}`
}
