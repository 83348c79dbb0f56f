package kms

import "time"

// Tag is a tag of a KMS key.
type Tag struct {
	Key   string `json:"tagKey"`
	Value string `json:"tagValue"`
}

// Page is the part of a list that a request asks for. A nil Limit means the operation's default.
type Page struct {
	Limit  *int
	Marker string
}

// Next says how a list goes on: Marker is empty at its end.
type Next struct {
	Truncated bool
	Marker    string
}

// CreateKeyInput asks for a KMS key. Empty fields have AWS's defaults.
type CreateKeyInput struct {
	Policy                         string
	Description                    string
	KeyUsage                       string
	KeySpec                        string
	CustomerMasterKeySpec          string // KeySpec's old name
	Origin                         string
	Tags                           []Tag
	MultiRegion                    bool
	CustomKeyStoreID, XksKeyID     string
	BypassPolicyLockoutSafetyCheck bool
}

// DescribeKeyInput names a key by id, ARN, alias or alias ARN.
type DescribeKeyInput struct {
	KeyID       string
	GrantTokens []string
}

// KeyInput names a key, for operations that need nothing else.
type KeyInput struct{ KeyID string }

// UpdateKeyDescriptionInput replaces a key's description.
type UpdateKeyDescriptionInput struct{ KeyID, Description string }

// ListKeysInput asks for the caller's keys in its Region.
type ListKeysInput struct{ Page }

// KeyListEntry names a key.
type KeyListEntry struct{ KeyID, KeyARN string }

// ListKeysOutput is a page of keys, ordered by id.
type ListKeysOutput struct {
	Keys []KeyListEntry
	Next
}

// ScheduleKeyDeletionInput asks for deletion after a window (7 to 30 days; nil means 30).
type ScheduleKeyDeletionInput struct {
	KeyID               string
	PendingWindowInDays *int
}

// ScheduleKeyDeletionOutput says when the key goes.
type ScheduleKeyDeletionOutput struct {
	KeyARN              string
	DeletionDate        time.Time
	State               KeyState
	PendingWindowInDays int
}

// AliasInput names an alias and, but for DeleteAlias, the key it stands for.
type AliasInput struct{ AliasName, TargetKeyID string }

// ListAliasesInput asks for the aliases of the caller's account and Region, or of one key.
type ListAliasesInput struct {
	KeyID string
	Page
}

// ListAliasesOutput is a page of aliases, ordered by name.
type ListAliasesOutput struct {
	Aliases []Alias
	Next
}

// PutKeyPolicyInput replaces a key's policy. PolicyName is "default" or empty.
type PutKeyPolicyInput struct {
	KeyID, PolicyName, Policy      string
	BypassPolicyLockoutSafetyCheck bool
}

// GetKeyPolicyInput names a key and a policy, which is "default" or empty.
type GetKeyPolicyInput struct{ KeyID, PolicyName string }

// GetKeyPolicyOutput is a key's policy as it was put.
type GetKeyPolicyOutput struct{ Policy, PolicyName string }

// ListKeyPoliciesInput names a key.
type ListKeyPoliciesInput struct {
	KeyID string
	Page
}

// ListKeyPoliciesOutput is always "default".
type ListKeyPoliciesOutput struct {
	PolicyNames []string
	Next
}

// TagResourceInput adds or replaces tags.
type TagResourceInput struct {
	KeyID string
	Tags  []Tag
}

// UntagResourceInput removes tags.
type UntagResourceInput struct {
	KeyID   string
	TagKeys []string
}

// ListResourceTagsInput names a key.
type ListResourceTagsInput struct {
	KeyID string
	Page
}

// ListResourceTagsOutput is a page of tags, ordered by key.
type ListResourceTagsOutput struct {
	Tags []Tag
	Next
}

// GenerateDataKeyInput asks for a data key: exactly one of KeySpec and NumberOfBytes.
type GenerateDataKeyInput struct {
	KeyID             string
	EncryptionContext map[string]string
	KeySpec           string // AES_256, AES_128
	NumberOfBytes     *int
	GrantTokens       []string
	DryRun            bool
}

// GenerateDataKeyOutput is a data key in clear (unless it was asked without) and wrapped.
type GenerateDataKeyOutput struct {
	Plaintext      []byte
	CiphertextBlob []byte
	KeyARN         string
	KeyMaterialID  string
}

// EncryptInput asks to wrap up to 4096 bytes.
type EncryptInput struct {
	KeyID               string
	Plaintext           []byte
	EncryptionContext   map[string]string
	EncryptionAlgorithm string // SYMMETRIC_DEFAULT or empty
	GrantTokens         []string
	DryRun              bool
}

// EncryptOutput is a wrapped plaintext.
type EncryptOutput struct {
	CiphertextBlob      []byte
	KeyARN              string
	EncryptionAlgorithm string
}

// DecryptInput asks to unwrap; KeyID is optional and, if given, must be the blob's key.
type DecryptInput struct {
	CiphertextBlob      []byte
	KeyID               string
	EncryptionContext   map[string]string
	EncryptionAlgorithm string
	GrantTokens         []string
	DryRun              bool
	DryRunModifiers     []string // IGNORE_CIPHERTEXT: with DryRun and KeyID, no blob is needed
	Recipient           bool     // a Nitro recipient was given: unsupported
}

// DecryptOutput is what a blob held.
type DecryptOutput struct {
	Plaintext           []byte
	KeyARN              string
	KeyMaterialID       string
	EncryptionAlgorithm string
}

// ReEncryptInput asks to wrap what a blob holds under another key or context.
type ReEncryptInput struct {
	CiphertextBlob                                            []byte
	SourceKeyID, DestinationKeyID                             string
	SourceEncryptionContext, DestinationEncryptionContext     map[string]string
	SourceEncryptionAlgorithm, DestinationEncryptionAlgorithm string
	GrantTokens                                               []string
	DryRun                                                    bool
	DryRunModifiers                                           []string
}

// ReEncryptOutput is the new blob.
type ReEncryptOutput struct {
	CiphertextBlob                                            []byte
	SourceKeyARN, KeyARN                                      string
	SourceKeyMaterialID, DestinationKeyMaterialID             string
	SourceEncryptionAlgorithm, DestinationEncryptionAlgorithm string
}

// GenerateRandomInput asks for 1 to 1024 random bytes.
type GenerateRandomInput struct {
	NumberOfBytes    *int
	CustomKeyStoreID string
	Recipient        bool
}

// GenerateRandomOutput is random bytes.
type GenerateRandomOutput struct{ Plaintext []byte }

// CreateGrantInput asks for a grant on a key.
type CreateGrantInput struct {
	KeyID                                            string
	GranteePrincipal, RetiringPrincipal              string
	Operations                                       []string
	EncryptionContextEquals, EncryptionContextSubset map[string]string
	Name                                             string
	GrantTokens                                      []string
	DryRun                                           bool
}

// CreateGrantOutput names the grant; the token makes it usable at once.
type CreateGrantOutput struct{ GrantID, GrantToken string }

// ListGrantsInput asks for the grants of a key, all or by id or grantee.
type ListGrantsInput struct {
	KeyID, GrantID, GranteePrincipal string
	Page
}

// ListRetirableGrantsInput asks for the grants that a principal may retire.
type ListRetirableGrantsInput struct {
	RetiringPrincipal string
	Page
}

// ListGrantsOutput is a page of grants.
type ListGrantsOutput struct {
	Grants []Grant
	Next
}

// RetireGrantInput names a grant by token, or by key ARN and id.
type RetireGrantInput struct {
	GrantToken, KeyID, GrantID string
	DryRun                     bool
}

// RevokeGrantInput names a grant.
type RevokeGrantInput struct {
	KeyID, GrantID string
	DryRun         bool
}
