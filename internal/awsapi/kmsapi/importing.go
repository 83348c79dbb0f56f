package kmsapi

import (
	"context"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

func (a *api) importing() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"GetParametersForImport":    read(a.getParametersForImport),
		"ImportKeyMaterial":         write(a.importKeyMaterial),
		"DeleteImportedKeyMaterial": write(a.deleteImportedKeyMaterial),
	}
}

type getParametersForImportInput struct {
	keyInput
	WrappingAlgorithm string `api:"WrappingAlgorithm,required" enum:"RSAES_PKCS1_V1_5|RSAES_OAEP_SHA_1|RSAES_OAEP_SHA_256|RSA_AES_KEY_WRAP_SHA_1|RSA_AES_KEY_WRAP_SHA_256|SM2PKE"`
	WrappingKeySpec   string `api:"WrappingKeySpec,required" enum:"RSA_2048|RSA_3072|RSA_4096|SM2"`
}

type getParametersForImportOutput struct {
	KeyID             string          `json:"KeyId"`
	ImportToken       []byte          `json:"ImportToken"`
	PublicKey         []byte          `json:"PublicKey"`
	ParametersValidTo *awsapi.Seconds `json:"ParametersValidTo,omitempty"`
}

func (a *api) getParametersForImport(ctx context.Context, r *awsapi.Request, in *getParametersForImportInput) (any, error) {
	out, err := a.kms.GetParametersForImport(ctx, r.Caller(), kms.GetParametersForImportInput{
		KeyID: in.KeyID, WrappingAlgorithm: in.WrappingAlgorithm, WrappingKeySpec: in.WrappingKeySpec,
	})
	if err != nil {
		return nil, err
	}
	return &getParametersForImportOutput{out.KeyARN, out.ImportToken, out.PublicKey, seconds(out.ValidTo)}, nil
}

type importKeyMaterialInput struct {
	keyInput
	ImportToken            []byte    `api:"ImportToken,required,sensitive" len:"1..6144"`
	EncryptedKeyMaterial   []byte    `api:"EncryptedKeyMaterial,required,sensitive" len:"1..6144"`
	ValidTo                time.Time `api:"ValidTo"`
	ExpirationModel        string    `api:"ExpirationModel" enum:"KEY_MATERIAL_EXPIRES|KEY_MATERIAL_DOES_NOT_EXPIRE"`
	ImportType             string    `api:"ImportType" enum:"NEW_KEY_MATERIAL|EXISTING_KEY_MATERIAL"`
	KeyMaterialDescription string    `api:"KeyMaterialDescription" len:"0..256" pattern:"^[a-zA-Z0-9:/_\\s.-]+$"`
	KeyMaterialID          string    `api:"KeyMaterialId" len:"64..64" pattern:"^[a-f0-9]+$"`
}

// keyMaterialOutput names a key and one of its materials.
type keyMaterialOutput struct {
	KeyID         string `json:"KeyId"`
	KeyMaterialID string `json:"KeyMaterialId,omitempty"`
}

func (a *api) importKeyMaterial(ctx context.Context, r *awsapi.Request, in *importKeyMaterialInput) (any, error) {
	out, err := a.kms.ImportKeyMaterial(ctx, r.Caller(), kms.ImportKeyMaterialInput{
		KeyID: in.KeyID, ImportToken: in.ImportToken, EncryptedKeyMaterial: in.EncryptedKeyMaterial, ValidTo: in.ValidTo,
		ExpirationModel: in.ExpirationModel, ImportType: in.ImportType, KeyMaterialDescription: in.KeyMaterialDescription,
		KeyMaterialID: in.KeyMaterialID,
	})
	if err != nil {
		return nil, err
	}
	return &keyMaterialOutput{out.KeyARN, out.MaterialID}, nil
}

type deleteImportedKeyMaterialInput struct {
	keyInput
	KeyMaterialID string `api:"KeyMaterialId" len:"64..64" pattern:"^[a-f0-9]+$"`
}

func (a *api) deleteImportedKeyMaterial(ctx context.Context, r *awsapi.Request, in *deleteImportedKeyMaterialInput) (any, error) {
	out, err := a.kms.DeleteImportedKeyMaterial(ctx, r.Caller(), kms.DeleteImportedKeyMaterialInput{
		KeyID: in.KeyID, KeyMaterialID: in.KeyMaterialID,
	})
	if err != nil {
		return nil, err
	}
	return &keyMaterialOutput{out.KeyARN, out.MaterialID}, nil
}
