package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

func (a *api) cryptography() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"Encrypt":                         read(a.encrypt),
		"Decrypt":                         read(a.decrypt),
		"ReEncrypt":                       read(a.reEncrypt),
		"GenerateDataKey":                 read(a.generateDataKey),
		"GenerateDataKeyWithoutPlaintext": read(a.generateDataKeyWithoutPlaintext),
		"GenerateRandom":                  read(a.generateRandom),
	}
}

type encryptInput struct {
	keyInput
	Plaintext         []byte            `api:"Plaintext,required,sensitive" len:"1..4096"`
	EncryptionContext map[string]string `api:"EncryptionContext"`
	grantTokens
	EncryptionAlgorithm string `api:"EncryptionAlgorithm" enum:"SYMMETRIC_DEFAULT|RSAES_OAEP_SHA_1|RSAES_OAEP_SHA_256|SM2PKE"`
	dryRun
}

type encryptOutput struct {
	CiphertextBlob      []byte `json:"CiphertextBlob"`
	KeyID               string `json:"KeyId"`
	EncryptionAlgorithm string `json:"EncryptionAlgorithm"`
}

func (a *api) encrypt(ctx context.Context, r *awsapi.Request, in *encryptInput) (any, error) {
	out, err := a.kms.Encrypt(ctx, r.Caller(), kms.EncryptInput{
		KeyID: in.KeyID, Plaintext: in.Plaintext, EncryptionContext: in.EncryptionContext,
		EncryptionAlgorithm: in.EncryptionAlgorithm, GrantTokens: in.GrantTokens, DryRun: in.DryRun,
	})
	if err != nil {
		return nil, err
	}
	return &encryptOutput{out.CiphertextBlob, out.KeyARN, out.EncryptionAlgorithm}, nil
}

type decryptInput struct {
	CiphertextBlob    []byte            `api:"CiphertextBlob,sensitive" len:"1..6144"`
	EncryptionContext map[string]string `api:"EncryptionContext"`
	grantTokens
	KeyID               string     `api:"KeyId" len:"1..2048"`
	EncryptionAlgorithm string     `api:"EncryptionAlgorithm" enum:"SYMMETRIC_DEFAULT|RSAES_OAEP_SHA_1|RSAES_OAEP_SHA_256|SM2PKE"`
	Recipient           *recipient `api:"Recipient"`
	dryRun
	DryRunModifiers []string `api:"DryRunModifiers" elem_enum:"IGNORE_CIPHERTEXT"`
}

type decryptOutput struct {
	KeyID               string `json:"KeyId"`
	Plaintext           []byte `json:"Plaintext"`
	EncryptionAlgorithm string `json:"EncryptionAlgorithm"`
	KeyMaterialID       string `json:"KeyMaterialId,omitempty"`
}

func (a *api) decrypt(ctx context.Context, r *awsapi.Request, in *decryptInput) (any, error) {
	out, err := a.kms.Decrypt(ctx, r.Caller(), kms.DecryptInput{
		CiphertextBlob: in.CiphertextBlob, KeyID: in.KeyID, EncryptionContext: in.EncryptionContext,
		EncryptionAlgorithm: in.EncryptionAlgorithm, GrantTokens: in.GrantTokens, DryRun: in.DryRun,
		DryRunModifiers: in.DryRunModifiers, Recipient: in.Recipient != nil,
	})
	if err != nil {
		return nil, err
	}
	return &decryptOutput{out.KeyARN, out.Plaintext, out.EncryptionAlgorithm, out.KeyMaterialID}, nil
}

type reEncryptInput struct {
	CiphertextBlob                 []byte            `api:"CiphertextBlob,sensitive" len:"1..6144"`
	SourceEncryptionContext        map[string]string `api:"SourceEncryptionContext"`
	SourceKeyID                    string            `api:"SourceKeyId" len:"1..2048"`
	DestinationKeyID               string            `api:"DestinationKeyId,required" len:"1..2048"`
	DestinationEncryptionContext   map[string]string `api:"DestinationEncryptionContext"`
	SourceEncryptionAlgorithm      string            `api:"SourceEncryptionAlgorithm" enum:"SYMMETRIC_DEFAULT|RSAES_OAEP_SHA_1|RSAES_OAEP_SHA_256|SM2PKE"`
	DestinationEncryptionAlgorithm string            `api:"DestinationEncryptionAlgorithm" enum:"SYMMETRIC_DEFAULT|RSAES_OAEP_SHA_1|RSAES_OAEP_SHA_256|SM2PKE"`
	grantTokens
	dryRun
	DryRunModifiers []string `api:"DryRunModifiers" elem_enum:"IGNORE_CIPHERTEXT"`
}

type reEncryptOutput struct {
	CiphertextBlob                 []byte `json:"CiphertextBlob"`
	SourceKeyID                    string `json:"SourceKeyId"`
	KeyID                          string `json:"KeyId"`
	SourceEncryptionAlgorithm      string `json:"SourceEncryptionAlgorithm"`
	DestinationEncryptionAlgorithm string `json:"DestinationEncryptionAlgorithm"`
	SourceKeyMaterialID            string `json:"SourceKeyMaterialId,omitempty"`
	DestinationKeyMaterialID       string `json:"DestinationKeyMaterialId,omitempty"`
}

func (a *api) reEncrypt(ctx context.Context, r *awsapi.Request, in *reEncryptInput) (any, error) {
	out, err := a.kms.ReEncrypt(ctx, r.Caller(), kms.ReEncryptInput{
		CiphertextBlob: in.CiphertextBlob, SourceKeyID: in.SourceKeyID, DestinationKeyID: in.DestinationKeyID,
		SourceEncryptionContext: in.SourceEncryptionContext, DestinationEncryptionContext: in.DestinationEncryptionContext,
		SourceEncryptionAlgorithm: in.SourceEncryptionAlgorithm, DestinationEncryptionAlgorithm: in.DestinationEncryptionAlgorithm,
		GrantTokens: in.GrantTokens, DryRun: in.DryRun, DryRunModifiers: in.DryRunModifiers,
	})
	if err != nil {
		return nil, err
	}
	return &reEncryptOutput{
		out.CiphertextBlob, out.SourceKeyARN, out.KeyARN, out.SourceEncryptionAlgorithm,
		out.DestinationEncryptionAlgorithm, out.SourceKeyMaterialID, out.DestinationKeyMaterialID,
	}, nil
}

type generateRandomInput struct {
	NumberOfBytes    *int       `api:"NumberOfBytes" range:"1..1024"`
	CustomKeyStoreID string     `api:"CustomKeyStoreId" len:"1..64"`
	Recipient        *recipient `api:"Recipient"`
}

type generateRandomOutput struct {
	Plaintext []byte `json:"Plaintext"`
}

func (a *api) generateRandom(ctx context.Context, r *awsapi.Request, in *generateRandomInput) (any, error) {
	out, err := a.kms.GenerateRandom(ctx, r.Caller(), kms.GenerateRandomInput{
		NumberOfBytes: in.NumberOfBytes, CustomKeyStoreID: in.CustomKeyStoreID, Recipient: in.Recipient != nil,
	})
	if err != nil {
		return nil, err
	}
	return &generateRandomOutput{out.Plaintext}, nil
}
