package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

type generateDataKeyInput struct {
	keyInput
	EncryptionContext map[string]string `api:"EncryptionContext"`
	NumberOfBytes     *int              `api:"NumberOfBytes" range:"1..1024"`
	KeySpec           string            `api:"KeySpec" enum:"AES_256|AES_128"`
	grantTokens
	Recipient *recipient `api:"Recipient"`
	dryRun
}

type generateDataKeyOutput struct {
	CiphertextBlob []byte `json:"CiphertextBlob"`
	Plaintext      []byte `json:"Plaintext,omitempty"` // not in GenerateDataKeyWithoutPlaintext
	KeyID          string `json:"KeyId"`
	KeyMaterialID  string `json:"KeyMaterialId,omitempty"`
}

func (a *api) generateDataKey(ctx context.Context, r *awsapi.Request, in *generateDataKeyInput) (any, error) {
	if in.Recipient != nil {
		return nil, awsapi.BeforeCall(awsapi.Errorf("UnsupportedOperationException", "Nitro Enclaves are not supported by this key store."))
	}
	out, err := a.kms.GenerateDataKey(ctx, r.Caller(), kms.GenerateDataKeyInput{
		KeyID: in.KeyID, EncryptionContext: in.EncryptionContext, KeySpec: in.KeySpec,
		NumberOfBytes: in.NumberOfBytes, GrantTokens: in.GrantTokens, DryRun: in.DryRun,
	})
	if err != nil {
		return nil, err
	}
	return &generateDataKeyOutput{out.CiphertextBlob, out.Plaintext, out.KeyARN, out.KeyMaterialID}, nil
}

// generateDataKeyWithoutPlaintextInput has no Recipient, and another order.
type generateDataKeyWithoutPlaintextInput struct {
	keyInput
	EncryptionContext map[string]string `api:"EncryptionContext"`
	KeySpec           string            `api:"KeySpec" enum:"AES_256|AES_128"`
	NumberOfBytes     *int              `api:"NumberOfBytes" range:"1..1024"`
	grantTokens
	dryRun
}

func (a *api) generateDataKeyWithoutPlaintext(ctx context.Context, r *awsapi.Request, in *generateDataKeyWithoutPlaintextInput) (any, error) {
	out, err := a.kms.GenerateDataKeyWithoutPlaintext(ctx, r.Caller(), kms.GenerateDataKeyInput{
		KeyID: in.KeyID, EncryptionContext: in.EncryptionContext, KeySpec: in.KeySpec,
		NumberOfBytes: in.NumberOfBytes, GrantTokens: in.GrantTokens, DryRun: in.DryRun,
	})
	if err != nil {
		return nil, err
	}
	return &generateDataKeyOutput{CiphertextBlob: out.CiphertextBlob, KeyID: out.KeyARN, KeyMaterialID: out.KeyMaterialID}, nil
}
