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

// EnableKeyRotationInput names a key and a period (90 to 2560 days; nil means the present one, at first 365).
type EnableKeyRotationInput struct {
	KeyID                string
	RotationPeriodInDays *int
}

// KeyRotationStatus is a key's automatic rotation.
type KeyRotationStatus struct {
	KeyID      string
	Enabled    bool
	PeriodDays int       // zero unless Enabled
	Next       time.Time // zero unless Enabled
}

// ListKeyRotationsInput asks for a key's rotations, or with ALL_KEY_MATERIAL for all its material.
type ListKeyRotationsInput struct {
	KeyID              string
	IncludeKeyMaterial string // ROTATIONS_ONLY or empty, ALL_KEY_MATERIAL
	Page
}

// KeyRotation is one version of a key's material.
type KeyRotation struct {
	KeyID, MaterialID, Description string
	MaterialState                  string // CURRENT, NON_CURRENT, PENDING_ROTATION
	ImportState                    string // of imported material: IMPORTED, PENDING_IMPORT
	ExpirationModel                string
	ValidTo                        time.Time
	Date                           time.Time // zero for the first material
	Type                           string    // AUTOMATIC, ON_DEMAND
}

// ListKeyRotationsOutput is a page of rotations, oldest first.
type ListKeyRotationsOutput struct {
	Rotations []KeyRotation
	Next
}

// GetParametersForImportInput asks for a public key to wrap material with.
type GetParametersForImportInput struct {
	KeyID             string
	WrappingAlgorithm string // RSAES_OAEP_SHA_256, RSA_AES_KEY_WRAP_SHA_256, and both with SHA_1
	WrappingKeySpec   string // RSA_2048, RSA_3072, RSA_4096
}

// ImportParameters are a public key (DER, SubjectPublicKeyInfo) and the token that belongs to it.
type ImportParameters struct {
	KeyARN      string
	ImportToken []byte
	PublicKey   []byte
	ValidTo     time.Time
}

// ImportKeyMaterialInput brings material, wrapped as the import parameters say.
type ImportKeyMaterialInput struct {
	KeyID                  string
	ImportToken            []byte
	EncryptedKeyMaterial   []byte
	ValidTo                time.Time // zero: none
	ExpirationModel        string    // KEY_MATERIAL_EXPIRES or empty, KEY_MATERIAL_DOES_NOT_EXPIRE
	ImportType             string    // EXISTING_KEY_MATERIAL or empty, NEW_KEY_MATERIAL
	KeyMaterialDescription string
	KeyMaterialID          string
}

// KeyMaterialName names a key and one of its materials.
type KeyMaterialName struct{ KeyARN, MaterialID string }

// DeleteImportedKeyMaterialInput names a key and a material; empty means the current one.
type DeleteImportedKeyMaterialInput struct{ KeyID, KeyMaterialID string }
