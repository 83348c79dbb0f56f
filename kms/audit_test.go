package kms_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

func TestEventOfDecrypt(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x"), EncryptionContext: pairs{"a": "b"}})
	require.NoError(t, err)
	alice := user(account, "alice", allowAll)
	alice.SourceIP, alice.UserAgent, alice.RequestID, alice.AccessKeyID = "192.0.2.9", "cli", "req-7", "AKIA"
	_, err = w.Decrypt(ctx, alice, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: pairs{"a": "b"}})
	require.NoError(t, err)
	e := w.trail.last(t)
	require.NotEmpty(t, e["eventID"])
	delete(e, "eventID")
	want := `{
		"eventVersion": "1.11",
		"userIdentity": {"type": "IAMUser", "principalId": "AIDAalice", "arn": "arn:aws:iam::111122223333:user/alice",
			"accountId": "111122223333", "accessKeyId": "AKIA", "userName": "alice"},
		"eventTime": "2026-03-01T12:00:00Z", "eventSource": "kms.amazonaws.com", "eventName": "Decrypt", "awsRegion": "us-east-1",
		"sourceIPAddress": "192.0.2.9", "userAgent": "cli",
		"requestParameters": {"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": {"a": "b"}},
		"responseElements": null, "requestID": "req-7", "readOnly": true,
		"resources": [{"accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": "` + key.ARN + `"}],
		"eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": "111122223333", "eventCategory": "Management",
		"cofferDecision": {"result": "Allow", "policy": "inline policy of user alice",
			"reason": "allowed by statement 0 of inline policy of user alice, with statement 0 (Sid \"Enable IAM policies\") of key policy default"}
	}`
	got, err := json.Marshal(e)
	require.NoError(t, err)
	require.JSONEq(t, want, string(got))
}

func TestEventsSayWhatDecided(t *testing.T) {
	w := newWorld(t)
	key, u := w.key(), user(account, "u")
	decision := func() map[string]any { return w.trail.last(t)["cofferDecision"].(map[string]any) }

	require.ErrorIs(t, w.may(u, key.ID, nil), kms.ErrAccessDenied)
	e := w.trail.last(t)
	require.Equal(t, "AccessDeniedException", e["errorCode"])
	require.Contains(t, e["errorMessage"], "is not authorized to perform: kms:Decrypt")
	require.Equal(t, "Deny", decision()["result"])
	require.Contains(t, decision()["reason"], "denied: no identity policy allows it")
	require.NotEmpty(t, decision()["trace"])

	g := w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: u.ARN, Operations: []string{"Decrypt"}})
	require.Equal(t, g.GrantID, w.trail.last(t)["responseElements"].(map[string]any)["grantId"])
	require.NoError(t, w.may(u, key.ID, nil))
	require.Equal(t, "allowed by grant "+g.GrantID, decision()["reason"])

	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	require.NoError(t, w.DisableKey(ctx, w.root, kms.KeyInput{KeyID: key.ID}))
	_, err = w.Decrypt(ctx, u, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	requireRefused(t, err, kms.ErrDisabled, key.ARN+" is disabled.")
	require.Equal(t, "Disabled", decision()["keyState"])
	require.Equal(t, "Deny", decision()["result"])

	_, err = w.Decrypt(ctx, u, kms.DecryptInput{CiphertextBlob: []byte("junk")})
	require.ErrorIs(t, err, kms.ErrInvalidCiphertext)
	require.Equal(t, "InvalidCiphertextException", w.trail.last(t)["errorCode"])
	require.NotContains(t, w.trail.last(t), "errorMessage")

	require.NoError(t, w.RecordMalformed(ctx, u, "Decrypt", "SerializationException", "The body is no JSON."))
	require.Equal(t, "SerializationException", w.trail.last(t)["errorCode"])
}

// TestNothingSecretIsRecorded runs operations on marked data and looks for it in every event.
func TestNothingSecretIsRecorded(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	plain := []byte("plaintext-marker")
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: plain})
	require.NoError(t, err)
	_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	require.NoError(t, err)
	re, err := w.ReEncrypt(ctx, w.root, kms.ReEncryptInput{CiphertextBlob: enc.CiphertextBlob, DestinationKeyID: key.ID})
	require.NoError(t, err)
	dk, err := w.GenerateDataKey(ctx, w.root, kms.GenerateDataKeyInput{KeyID: key.ID, KeySpec: "AES_256"})
	require.NoError(t, err)
	pair, err := w.GenerateDataKeyPair(ctx, w.root, kms.GenerateDataKeyPairInput{KeyID: key.ID, KeyPairSpec: "ECC_NIST_P256"})
	require.NoError(t, err)
	random, err := w.GenerateRandom(ctx, w.root, kms.GenerateRandomInput{NumberOfBytes: ptr(32)})
	require.NoError(t, err)
	g := w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: w.root.ARN, Operations: []string{"Decrypt"}})
	_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, GrantTokens: []string{g.GrantToken}})
	require.NoError(t, err)
	require.NoError(t, w.RetireGrant(ctx, w.root, kms.RetireGrantInput{GrantToken: g.GrantToken}))
	_, blob, _, err := w.Keyring().NewDataKey(ctx, key.ID, nil)
	require.NoError(t, err)
	ext := w.external()
	im := newImporter(w)
	require.NoError(t, im.put(ext.ID, []byte("material-marker-of-32-bytes-long"), ""))

	all := strings.Join(w.trail.raw, "\n")
	require.Len(t, w.trail.raw, 14)
	for name, secret := range map[string][]byte{"plaintext": plain, "blob": enc.CiphertextBlob, "new blob": re.CiphertextBlob,
		"data key": dk.Plaintext, "wrapped data key": dk.CiphertextBlob, "private key": pair.PrivateKeyPlaintext, "wrapped private key": pair.PrivateKeyCiphertextBlob,
		"random": random.Plaintext, "token": []byte(g.GrantToken), "wrapped volume key": blob, "material": []byte("material-marker"),
		"import token": im.params[ext.ID].ImportToken} {
		require.NotContains(t, all, string(secret), name)
		require.NotContains(t, all, base64.StdEncoding.EncodeToString(secret)[:8], name)
	}
}

// TestFailingRecorderRefuses checks that nothing is answered that could not be recorded.
func TestFailingRecorderRefuses(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	w.trail.fail = errors.New("disk full")
	out, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	require.ErrorIs(t, err, kms.ErrInternal)
	require.ErrorIs(t, err, w.trail.fail)
	require.Nil(t, out)
	dek, _, _, err := w.Keyring().NewDataKey(ctx, key.ID, nil)
	require.ErrorIs(t, err, kms.ErrInternal)
	require.Nil(t, dek)
	w.trail.fail = nil
	_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	require.NoError(t, err)
}

func TestDryRuns(t *testing.T) {
	w := newWorld(t)
	key, nobody := w.key(), user(account, "nobody")
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	mac, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC"})
	require.NoError(t, err)
	tag, err := w.GenerateMac(ctx, w.root, kms.MacInput{KeyID: mac.ID, Message: []byte("m"), MacAlgorithm: "HMAC_SHA_256"})
	require.NoError(t, err)
	for name, run := range map[string]func(kms.Caller) error{
		"Encrypt": func(c kms.Caller) error {
			_, err := w.Encrypt(ctx, c, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x"), DryRun: true})
			return err
		},
		"Decrypt": func(c kms.Caller) error {
			_, err := w.Decrypt(ctx, c, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, DryRun: true})
			return err
		},
		"Decrypt without blob": func(c kms.Caller) error {
			_, err := w.Decrypt(ctx, c, kms.DecryptInput{KeyID: key.ID, DryRun: true, DryRunModifiers: []string{"IGNORE_CIPHERTEXT"}})
			return err
		},
		"ReEncrypt": func(c kms.Caller) error {
			_, err := w.ReEncrypt(ctx, c, kms.ReEncryptInput{CiphertextBlob: enc.CiphertextBlob, DestinationKeyID: key.ID, DryRun: true})
			return err
		},
		"ReEncrypt without blob": func(c kms.Caller) error {
			_, err := w.ReEncrypt(ctx, c, kms.ReEncryptInput{SourceKeyID: key.ID, DestinationKeyID: key.ID, DryRun: true, DryRunModifiers: []string{"IGNORE_CIPHERTEXT"}})
			return err
		},
		"GenerateDataKey": func(c kms.Caller) error {
			_, err := w.GenerateDataKey(ctx, c, kms.GenerateDataKeyInput{KeyID: key.ID, KeySpec: "AES_256", DryRun: true})
			return err
		},
		"GenerateDataKeyWithoutPlaintext": func(c kms.Caller) error {
			_, err := w.GenerateDataKeyWithoutPlaintext(ctx, c, kms.GenerateDataKeyInput{KeyID: key.ID, KeySpec: "AES_256", DryRun: true})
			return err
		},
		"GenerateDataKeyPair": func(c kms.Caller) error {
			_, err := w.GenerateDataKeyPair(ctx, c, kms.GenerateDataKeyPairInput{KeyID: key.ID, KeyPairSpec: "ECC_NIST_P256", DryRun: true})
			return err
		},
		"GenerateMac": func(c kms.Caller) error {
			_, err := w.GenerateMac(ctx, c, kms.MacInput{KeyID: mac.ID, Message: []byte("m"), MacAlgorithm: "HMAC_SHA_256", DryRun: true})
			return err
		},
		"VerifyMac": func(c kms.Caller) error {
			_, err := w.VerifyMac(ctx, c, kms.VerifyMacInput{Mac: tag.Mac, MacInput: kms.MacInput{KeyID: mac.ID, Message: []byte("m"), MacAlgorithm: "HMAC_SHA_256", DryRun: true}})
			return err
		},
	} {
		requireRefused(t, run(w.root), kms.ErrDryRun, "The request would have succeeded, but the DryRun option is set.")
		require.Equal(t, "DryRunOperationException", w.trail.last(t)["errorCode"], name)
		require.ErrorIs(t, run(nobody), kms.ErrAccessDenied, name)
	}
	_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: pairs{"a": "b"}, DryRun: true})
	require.ErrorIs(t, err, kms.ErrInvalidCiphertext)
}
