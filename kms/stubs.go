package kms

import (
	"context"

	"coffer.example/aead"
)

// Declarations ahead of their implementation.

func (k *KMS) Close() error                                             { return nil }
func (k *KMS) Store() Store                                             { return nil }
func (k *KMS) Account() string                                          { return "" }
func (k *KMS) Region() string                                           { return "" }
func (k *KMS) AuditKey() *aead.MACKey                                   { return nil }
func (k *KMS) TokenKey() *aead.RecordKey                                { return nil }
func (k *KMS) SetRecorder(r Recorder)                                   {}
func (k *KMS) Keyring() *Keyring                                        { return nil }
func (k *KMS) KeyringFor(caller Caller, grantTokens ...string) *Keyring { return nil }
func (k *KMS) Tick(ctx context.Context) error                           { return nil }
func (k *KMS) RecordMalformed(ctx context.Context, c Caller, operation string, err error) error {
	return nil
}
func Init(o Options) error                  { return ErrNotInitialised }
func Open(o Options) (*KMS, error)          { return nil, ErrNotInitialised }
func RootKeyFile(path string) Root          { return nil }
func InsecureRootKeyFile(path string) Root  { return nil }
func RootPassphrase(passphrase []byte) Root { return nil }
func RootKeyEnv(name string) Root           { return nil }
func NewRootKey() (string, error)           { return "", nil }

func (r *Keyring) NewDataKey(ctx context.Context, key string, encryptionContext map[string]string) (dek *aead.DataKey, wrapped []byte, keyARN string, err error) {
	return nil, nil, "", ErrInternal
}
func (r *Keyring) Unwrap(ctx context.Context, wrapped []byte, encryptionContext map[string]string) (*aead.DataKey, error) {
	return nil, ErrInternal
}
func (r *Keyring) Rewrap(ctx context.Context, wrapped []byte, encryptionContext map[string]string, key string, newContext map[string]string) (dek *aead.DataKey, newWrapped []byte, keyARN string, err error) {
	return nil, nil, "", ErrInternal
}
func (r *Keyring) Load(ctx context.Context, name string) ([]byte, error)     { return nil, ErrInternal }
func (r *Keyring) Save(ctx context.Context, name string, value []byte) error { return ErrInternal }

func (k *KMS) CreateKey(ctx context.Context, c Caller, in CreateKeyInput) (*KeyMetadata, error) {
	return nil, ErrInternal
}
func (k *KMS) DescribeKey(ctx context.Context, c Caller, in DescribeKeyInput) (*KeyMetadata, error) {
	return nil, ErrInternal
}
func (k *KMS) ListKeys(ctx context.Context, c Caller, in ListKeysInput) (*ListKeysOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) UpdateKeyDescription(ctx context.Context, c Caller, in UpdateKeyDescriptionInput) error {
	return ErrInternal
}
func (k *KMS) EnableKey(ctx context.Context, c Caller, in KeyInput) error  { return ErrInternal }
func (k *KMS) DisableKey(ctx context.Context, c Caller, in KeyInput) error { return ErrInternal }
func (k *KMS) ScheduleKeyDeletion(ctx context.Context, c Caller, in ScheduleKeyDeletionInput) (*ScheduleKeyDeletionOutput, error) {
	return nil, ErrInternal
}

// CancelKeyDeletion returns the key's ARN.
func (k *KMS) CancelKeyDeletion(ctx context.Context, c Caller, in KeyInput) (string, error) {
	return "", ErrInternal
}
func (k *KMS) CreateAlias(ctx context.Context, c Caller, in AliasInput) error { return ErrInternal }
func (k *KMS) UpdateAlias(ctx context.Context, c Caller, in AliasInput) error { return ErrInternal }
func (k *KMS) DeleteAlias(ctx context.Context, c Caller, in AliasInput) error { return ErrInternal }
func (k *KMS) ListAliases(ctx context.Context, c Caller, in ListAliasesInput) (*ListAliasesOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) GetKeyPolicy(ctx context.Context, c Caller, in GetKeyPolicyInput) (*GetKeyPolicyOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) PutKeyPolicy(ctx context.Context, c Caller, in PutKeyPolicyInput) error {
	return ErrInternal
}
func (k *KMS) ListKeyPolicies(ctx context.Context, c Caller, in ListKeyPoliciesInput) (*ListKeyPoliciesOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) TagResource(ctx context.Context, c Caller, in TagResourceInput) error {
	return ErrInternal
}
func (k *KMS) UntagResource(ctx context.Context, c Caller, in UntagResourceInput) error {
	return ErrInternal
}
func (k *KMS) ListResourceTags(ctx context.Context, c Caller, in ListResourceTagsInput) (*ListResourceTagsOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) GenerateDataKey(ctx context.Context, c Caller, in GenerateDataKeyInput) (*GenerateDataKeyOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) GenerateDataKeyWithoutPlaintext(ctx context.Context, c Caller, in GenerateDataKeyInput) (*GenerateDataKeyOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) Encrypt(ctx context.Context, c Caller, in EncryptInput) (*EncryptOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) Decrypt(ctx context.Context, c Caller, in DecryptInput) (*DecryptOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) ReEncrypt(ctx context.Context, c Caller, in ReEncryptInput) (*ReEncryptOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) GenerateRandom(ctx context.Context, c Caller, in GenerateRandomInput) (*GenerateRandomOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) CreateGrant(ctx context.Context, c Caller, in CreateGrantInput) (*CreateGrantOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) ListGrants(ctx context.Context, c Caller, in ListGrantsInput) (*ListGrantsOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) ListRetirableGrants(ctx context.Context, c Caller, in ListRetirableGrantsInput) (*ListGrantsOutput, error) {
	return nil, ErrInternal
}
func (k *KMS) RetireGrant(ctx context.Context, c Caller, in RetireGrantInput) error {
	return ErrInternal
}
func (k *KMS) RevokeGrant(ctx context.Context, c Caller, in RevokeGrantInput) error {
	return ErrInternal
}
