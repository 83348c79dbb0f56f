// Package sdktest runs the Go SDK of AWS against the front end. It is a module of its
// own, so that the SDK is no dependency of coffer: cd here and go test.
package sdktest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/kmsapi"
	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/internal/awsapi/stsapi"
	"coffer.example/internal/testkit"
	coffer "coffer.example/kms"
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

func serve(t *testing.T) (testkit.AWS, aws.Config) {
	dir := t.TempDir()
	o := coffer.Options{Dir: filepath.Join(dir, "data"), Root: coffer.RootKeyFile(filepath.Join(dir, "root.key")), Account: awsapitest.Account}
	require.NoError(t, coffer.Init(o))
	k, err := coffer.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, k.Close()) })
	served := awsapitest.Serve(t, awsapitest.Front(kmsapi.New(k), stsapi.New(stsapi.Options{})))
	return served, config(served, served.SecretAccessKey)
}

func config(served testkit.AWS, secret string) aws.Config {
	return aws.Config{
		Region: served.Region, BaseEndpoint: aws.String(served.Endpoint), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: served.AccessKeyID, SecretAccessKey: secret}, nil
		}),
	}
}

func TestKMS(t *testing.T) {
	ctx := t.Context()
	served, cfg := serve(t)
	client := kms.NewFromConfig(cfg)
	created, err := client.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("by the SDK")})
	require.NoError(t, err)
	id := created.KeyMetadata.KeyId
	require.WithinDuration(t, time.Now(), *created.KeyMetadata.CreationDate, time.Minute)
	require.Equal(t, types.KeyStateEnabled, created.KeyMetadata.KeyState)

	pairs := map[string]string{"a": "b", "": "ü"}
	sealed, err := client.Encrypt(ctx, &kms.EncryptInput{KeyId: id, Plaintext: []byte("hello"), EncryptionContext: pairs})
	require.NoError(t, err)
	opened, err := client.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: pairs})
	require.NoError(t, err)
	require.Equal(t, "hello", string(opened.Plaintext))

	_, err = client.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob})
	var invalid *types.InvalidCiphertextException
	require.ErrorAs(t, err, &invalid)
	require.Empty(t, invalid.ErrorMessage())
	_, err = client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/none")})
	var missing *types.NotFoundException
	require.ErrorAs(t, err, &missing)

	_, err = client.DisableKey(ctx, &kms.DisableKeyInput{KeyId: id})
	require.NoError(t, err)
	_, err = client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: id, KeySpec: types.DataKeySpecAes256})
	var disabled *types.DisabledException
	require.ErrorAs(t, err, &disabled)

	pages := kms.NewListKeysPaginator(client, &kms.ListKeysInput{Limit: aws.Int32(1)})
	for pages.HasMorePages() {
		_, err := pages.NextPage(ctx)
		require.NoError(t, err)
	}

	_, err = kms.NewFromConfig(config(served, "guess")).ListKeys(ctx, nil)
	var generic smithy.APIError
	require.ErrorAs(t, err, &generic)
	require.Equal(t, "InvalidSignatureException", generic.ErrorCode())
}

// TestNewMembers covers what the clients of old distributions do not know, and the
// scripts beside kmsapi therefore leave out there.
func TestNewMembers(t *testing.T) {
	ctx := t.Context()
	_, cfg := serve(t)
	client := kms.NewFromConfig(cfg)
	created, err := client.CreateKey(ctx, nil)
	require.NoError(t, err)
	id, first := created.KeyMetadata.KeyId, *created.KeyMetadata.CurrentKeyMaterialId
	require.Len(t, first, 64)
	sealed, err := client.Encrypt(ctx, &kms.EncryptInput{KeyId: id, Plaintext: []byte("x")})
	require.NoError(t, err)

	var dry *types.DryRunOperationException
	_, err = client.Encrypt(ctx, &kms.EncryptInput{KeyId: id, Plaintext: []byte("x"), DryRun: aws.Bool(true)})
	require.ErrorAs(t, err, &dry)
	_, err = client.Decrypt(ctx, &kms.DecryptInput{
		KeyId: id, DryRun: aws.Bool(true), DryRunModifiers: []types.DryRunModifierType{types.DryRunModifierTypeIgnoreCiphertext},
	})
	require.ErrorAs(t, err, &dry)

	_, err = client.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: id, RotationPeriodInDays: aws.Int32(90)})
	require.NoError(t, err)
	status, err := client.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: id})
	require.NoError(t, err)
	require.EqualValues(t, 90, *status.RotationPeriodInDays)
	_, err = client.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: id})
	require.NoError(t, err)
	list, err := client.ListKeyRotations(ctx, &kms.ListKeyRotationsInput{KeyId: id, IncludeKeyMaterial: types.IncludeKeyMaterialAllKeyMaterial})
	require.NoError(t, err)
	require.Len(t, list.Rotations, 2)
	opened, err := client.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob})
	require.NoError(t, err)
	require.Equal(t, first, *opened.KeyMaterialId)
	moved, err := client.ReEncrypt(ctx, &kms.ReEncryptInput{CiphertextBlob: sealed.CiphertextBlob, DestinationKeyId: id})
	require.NoError(t, err)
	require.Equal(t, first, *moved.SourceKeyMaterialId)
	require.NotEqual(t, first, *moved.DestinationKeyMaterialId)

	var unsupported *types.UnsupportedOperationException
	_, err = client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId: id, KeySpec: types.DataKeySpecAes256, Recipient: &types.RecipientInfo{AttestationDocument: []byte("x")},
	})
	require.ErrorAs(t, err, &unsupported)
	_, err = client.Sign(ctx, &kms.SignInput{KeyId: id, Message: []byte("x"), SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256})
	require.ErrorAs(t, err, &unsupported)
}

func TestSTS(t *testing.T) {
	_, cfg := serve(t)
	client := sts.NewFromConfig(cfg)
	who, err := client.GetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, awsapitest.Account, *who.Account)

	// A signed URL is how other services let a client prove who it is.
	signed, err := sts.NewPresignClient(client).PresignGetCallerIdentity(t.Context(), nil)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
}

// TestSigner signs requests of odd forms with the SDK's signer and verifies them with ours.
func TestSigner(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	credentials := aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret", SessionToken: "token/+="}
	body := []byte(`{"a":"b"}`)
	for _, target := range []string{"/", "/snapshots/snap-1/blocks/7?blockToken=a%2Fb%2B&x", "/a%20b/c%2Fd", "/?b=2&a=1&a=0&c=%C3%BC", "/?Action=X&Y=1+2"} {
		for _, header := range []http.Header{{}, {"X-Amz-Target": {"A.B"}, "Content-Type": {"application/x-amz-json-1.1"}}, {"X-Amz-Meta": {" two   spaces "}, "Other": {"1", "2"}}} {
			request := func() *http.Request {
				r, err := http.NewRequest("POST", "http://localhost:4566"+target, bytes.NewReader(body))
				require.NoError(t, err)
				r.Header = header.Clone()
				return r
			}
			r := request()
			require.NoError(t, v4.NewSigner().SignHTTP(t.Context(), credentials, r, sigv4.PayloadHash(body), "ebs", "eu-west-1", now))
			auth, err := sigv4.Parse(r)
			require.NoError(t, err)
			r.Host = r.URL.Host // as it arrives
			require.NoError(t, errors.Join(auth.CheckScope(), auth.CheckTime(now), auth.CheckHeaders(r.Header)))
			require.NoError(t, auth.Verify(r, "secret", sigv4.PayloadHash(body)), "%s %v", target, header)
		}
	}
}
