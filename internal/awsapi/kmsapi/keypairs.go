package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

func (a *api) keyPairs() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"GenerateDataKeyPair":                 read(a.generateDataKeyPair),
		"GenerateDataKeyPairWithoutPlaintext": read(a.generateDataKeyPairWithoutPlaintext),
	}
}

type keyPairMembers struct {
	EncryptionContext map[string]string `api:"EncryptionContext"`
	KeyID             string            `api:"KeyId,required" len:"1..2048"`
	KeyPairSpec       string            `api:"KeyPairSpec,required" enum:"RSA_2048|RSA_3072|RSA_4096|ECC_NIST_P256|ECC_NIST_P384|ECC_NIST_P521|ECC_SECG_P256K1|SM2|ECC_NIST_EDWARDS25519"`
	grantTokens
}

func (in *keyPairMembers) input(dryRun bool) kms.GenerateDataKeyPairInput {
	return kms.GenerateDataKeyPairInput{
		KeyID: in.KeyID, EncryptionContext: in.EncryptionContext, KeyPairSpec: in.KeyPairSpec, GrantTokens: in.GrantTokens, DryRun: dryRun,
	}
}

type generateDataKeyPairInput struct {
	keyPairMembers
	Recipient *recipient `api:"Recipient"`
	dryRun
}

type generateDataKeyPairWithoutPlaintextInput struct {
	keyPairMembers
	dryRun
}

type generateDataKeyPairOutput struct {
	PrivateKeyCiphertextBlob []byte `json:"PrivateKeyCiphertextBlob"`
	PrivateKeyPlaintext      []byte `json:"PrivateKeyPlaintext,omitempty"` // not in GenerateDataKeyPairWithoutPlaintext
	PublicKey                []byte `json:"PublicKey"`
	KeyID                    string `json:"KeyId"`
	KeyPairSpec              string `json:"KeyPairSpec"`
	KeyMaterialID            string `json:"KeyMaterialId,omitempty"`
}

func (a *api) generateDataKeyPair(ctx context.Context, r *awsapi.Request, in *generateDataKeyPairInput) (any, error) {
	input := in.input(in.DryRun)
	input.Recipient = in.Recipient != nil
	out, err := a.kms.GenerateDataKeyPair(ctx, r.Caller(), input)
	if err != nil {
		return nil, err
	}
	return &generateDataKeyPairOutput{
		out.PrivateKeyCiphertextBlob, out.PrivateKeyPlaintext, out.PublicKey, out.KeyARN, out.KeyPairSpec, out.KeyMaterialID,
	}, nil
}

func (a *api) generateDataKeyPairWithoutPlaintext(ctx context.Context, r *awsapi.Request, in *generateDataKeyPairWithoutPlaintextInput) (any, error) {
	out, err := a.kms.GenerateDataKeyPairWithoutPlaintext(ctx, r.Caller(), in.input(in.DryRun))
	if err != nil {
		return nil, err
	}
	return &generateDataKeyPairOutput{
		PrivateKeyCiphertextBlob: out.PrivateKeyCiphertextBlob, PublicKey: out.PublicKey, KeyID: out.KeyARN,
		KeyPairSpec: out.KeyPairSpec, KeyMaterialID: out.KeyMaterialID,
	}, nil
}
