package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

func (a *api) keys() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"CreateKey":            write(a.createKey),
		"DescribeKey":          read(a.describeKey),
		"ListKeys":             read(a.listKeys),
		"UpdateKeyDescription": write(a.updateKeyDescription),
		"EnableKey":            write(a.enableKey),
		"DisableKey":           write(a.disableKey),
		"ScheduleKeyDeletion":  write(a.scheduleKeyDeletion),
		"CancelKeyDeletion":    write(a.cancelKeyDeletion),
	}
}

type createKeyInput struct {
	Policy                         string `api:"Policy" len:"1..131072" pattern:"[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+"`
	Description                    string `api:"Description" len:"0..8192"`
	KeyUsage                       string `api:"KeyUsage" enum:"SIGN_VERIFY|ENCRYPT_DECRYPT|GENERATE_VERIFY_MAC|KEY_AGREEMENT"`
	CustomerMasterKeySpec          string `api:"CustomerMasterKeySpec" enum:"RSA_2048|RSA_3072|RSA_4096|ECC_NIST_P256|ECC_NIST_P384|ECC_NIST_P521|ECC_SECG_P256K1|SYMMETRIC_DEFAULT|HMAC_224|HMAC_256|HMAC_384|HMAC_512|SM2"`
	KeySpec                        string `api:"KeySpec" enum:"RSA_2048|RSA_3072|RSA_4096|ECC_NIST_P256|ECC_NIST_P384|ECC_NIST_P521|ECC_SECG_P256K1|SYMMETRIC_DEFAULT|HMAC_224|HMAC_256|HMAC_384|HMAC_512|SM2|ML_DSA_44|ML_DSA_65|ML_DSA_87|ECC_NIST_EDWARDS25519"`
	Origin                         string `api:"Origin" enum:"AWS_KMS|EXTERNAL|AWS_CLOUDHSM|EXTERNAL_KEY_STORE"`
	CustomKeyStoreID               string `api:"CustomKeyStoreId" len:"1..64"`
	BypassPolicyLockoutSafetyCheck bool   `api:"BypassPolicyLockoutSafetyCheck"`
	Tags                           []tag  `api:"Tags"`
	MultiRegion                    bool   `api:"MultiRegion"`
	XksKeyID                       string `api:"XksKeyId" len:"1..128" pattern:"^[a-zA-Z0-9-_.]+$"`
}

// keyMetadata is what CreateKey and DescribeKey return. KeySpec is sent twice, by its old name too, as on AWS.
type keyMetadata struct {
	AWSAccountID          string          `json:"AWSAccountId"`
	KeyID                 string          `json:"KeyId"`
	ARN                   string          `json:"Arn"`
	CreationDate          *awsapi.Seconds `json:"CreationDate,omitempty"`
	Enabled               bool            `json:"Enabled"`
	Description           string          `json:"Description"`
	KeyUsage              string          `json:"KeyUsage"`
	KeyState              kms.KeyState    `json:"KeyState"`
	DeletionDate          *awsapi.Seconds `json:"DeletionDate,omitempty"`
	ValidTo               *awsapi.Seconds `json:"ValidTo,omitempty"`
	Origin                string          `json:"Origin"`
	ExpirationModel       string          `json:"ExpirationModel,omitempty"`
	KeyManager            string          `json:"KeyManager"`
	CustomerMasterKeySpec string          `json:"CustomerMasterKeySpec"`
	KeySpec               string          `json:"KeySpec"`
	EncryptionAlgorithms  []string        `json:"EncryptionAlgorithms,omitempty"`
	MultiRegion           bool            `json:"MultiRegion"`
	MacAlgorithms         []string        `json:"MacAlgorithms,omitempty"`
	CurrentKeyMaterialID  string          `json:"CurrentKeyMaterialId,omitempty"`
}

type keyMetadataOutput struct {
	KeyMetadata keyMetadata `json:"KeyMetadata"`
}

func describe(m *kms.KeyMetadata) *keyMetadataOutput {
	return &keyMetadataOutput{keyMetadata{
		AWSAccountID: m.Account, KeyID: m.ID, ARN: m.ARN, CreationDate: seconds(m.Created),
		Enabled: m.State == kms.Enabled, Description: m.Description, KeyUsage: m.Usage, KeyState: m.State,
		DeletionDate: seconds(m.DeletionDate), ValidTo: seconds(m.ValidTo), Origin: m.Origin,
		ExpirationModel: m.ExpirationModel, KeyManager: m.Manager, CustomerMasterKeySpec: m.Spec, KeySpec: m.Spec,
		EncryptionAlgorithms: m.EncryptionAlgorithms, MultiRegion: m.MultiRegion, MacAlgorithms: m.MACAlgorithms,
		CurrentKeyMaterialID: m.CurrentMaterialID,
	}}
}

func (a *api) createKey(ctx context.Context, r *awsapi.Request, in *createKeyInput) (any, error) {
	m, err := a.kms.CreateKey(ctx, r.Caller(), kms.CreateKeyInput{
		Policy: in.Policy, Description: in.Description, KeyUsage: in.KeyUsage, KeySpec: in.KeySpec,
		CustomerMasterKeySpec: in.CustomerMasterKeySpec, Origin: in.Origin, Tags: kmsTags(in.Tags), MultiRegion: in.MultiRegion,
		CustomKeyStoreID: in.CustomKeyStoreID, XksKeyID: in.XksKeyID,
		BypassPolicyLockoutSafetyCheck: in.BypassPolicyLockoutSafetyCheck,
	})
	if err != nil {
		return nil, err
	}
	return describe(m), nil
}

type describeKeyInput struct {
	keyInput
	grantTokens
}

func (a *api) describeKey(ctx context.Context, r *awsapi.Request, in *describeKeyInput) (any, error) {
	m, err := a.kms.DescribeKey(ctx, r.Caller(), kms.DescribeKeyInput{KeyID: in.KeyID, GrantTokens: in.GrantTokens})
	if err != nil {
		return nil, err
	}
	return describe(m), nil
}

type listKeysInput struct{ page }

type keyListEntry struct {
	KeyID  string `json:"KeyId"`
	KeyARN string `json:"KeyArn"`
}

type listKeysOutput struct {
	Keys []keyListEntry `json:"Keys"`
	next
}

func (a *api) listKeys(ctx context.Context, r *awsapi.Request, in *listKeysInput) (any, error) {
	out, err := a.kms.ListKeys(ctx, r.Caller(), kms.ListKeysInput{Page: in.page.input()})
	if err != nil {
		return nil, err
	}
	keys := make([]keyListEntry, len(out.Keys))
	for i, k := range out.Keys {
		keys[i] = keyListEntry(k)
	}
	return &listKeysOutput{keys, nextOf(out.Next)}, nil
}

type updateKeyDescriptionInput struct {
	keyInput
	Description string `api:"Description,required" len:"0..8192"`
}

func (a *api) updateKeyDescription(ctx context.Context, r *awsapi.Request, in *updateKeyDescriptionInput) (any, error) {
	return nil, a.kms.UpdateKeyDescription(ctx, r.Caller(), kms.UpdateKeyDescriptionInput{KeyID: in.KeyID, Description: in.Description})
}

func (a *api) enableKey(ctx context.Context, r *awsapi.Request, in *keyInput) (any, error) {
	return nil, a.kms.EnableKey(ctx, r.Caller(), in.input())
}

func (a *api) disableKey(ctx context.Context, r *awsapi.Request, in *keyInput) (any, error) {
	return nil, a.kms.DisableKey(ctx, r.Caller(), in.input())
}

type scheduleKeyDeletionInput struct {
	keyInput
	PendingWindowInDays *int `api:"PendingWindowInDays" range:"1..365"`
}

type scheduleKeyDeletionOutput struct {
	KeyID               string          `json:"KeyId"`
	DeletionDate        *awsapi.Seconds `json:"DeletionDate,omitempty"`
	KeyState            kms.KeyState    `json:"KeyState"`
	PendingWindowInDays int             `json:"PendingWindowInDays"`
}

func (a *api) scheduleKeyDeletion(ctx context.Context, r *awsapi.Request, in *scheduleKeyDeletionInput) (any, error) {
	out, err := a.kms.ScheduleKeyDeletion(ctx, r.Caller(), kms.ScheduleKeyDeletionInput{KeyID: in.KeyID, PendingWindowInDays: in.PendingWindowInDays})
	if err != nil {
		return nil, err
	}
	return &scheduleKeyDeletionOutput{out.KeyARN, seconds(out.DeletionDate), out.State, out.PendingWindowInDays}, nil
}

// keyIDOutput is the answer of operations that only name their key again.
type keyIDOutput struct {
	KeyID string `json:"KeyId"`
}

func (a *api) cancelKeyDeletion(ctx context.Context, r *awsapi.Request, in *keyInput) (any, error) {
	arn, err := a.kms.CancelKeyDeletion(ctx, r.Caller(), in.input())
	if err != nil {
		return nil, err
	}
	return &keyIDOutput{arn}, nil
}
