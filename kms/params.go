package kms

import (
	"time"

	"coffer.example/internal/audit"
)

// What events show of requests: CloudTrail's names, never a plaintext, blob or token.

type createKeyParams struct {
	Policy                string `json:"policy,omitempty"`
	Description           string `json:"description"`
	KeyUsage              string `json:"keyUsage,omitempty"`
	KeySpec               string `json:"keySpec,omitempty"`
	CustomerMasterKeySpec string `json:"customerMasterKeySpec,omitempty"`
	Origin                string `json:"origin,omitempty"`
	Bypass                bool   `json:"bypassPolicyLockoutSafetyCheck"`
	MultiRegion           bool   `json:"multiRegion,omitempty"`
	Tags                  []Tag  `json:"tags,omitempty"`
}

type keyParams struct {
	KeyID               string   `json:"keyId,omitempty"`
	Description         *string  `json:"description,omitempty"`
	PendingWindowInDays *int     `json:"pendingWindowInDays,omitempty"`
	PolicyName          string   `json:"policyName,omitempty"`
	Policy              string   `json:"policy,omitempty"`
	Bypass              *bool    `json:"bypassPolicyLockoutSafetyCheck,omitempty"`
	RotationPeriod      *int     `json:"rotationPeriodInDays,omitempty"`
	Tags                []Tag    `json:"tags,omitempty"`
	TagKeys             []string `json:"tagKeys,omitempty"`
	AliasName           string   `json:"aliasName,omitempty"`
	TargetKeyID         string   `json:"targetKeyId,omitempty"`
	Limit               *int     `json:"limit,omitempty"`
	Marker              string   `json:"marker,omitempty"`
}

// cryptoParams are the parameters of the hot path: fields costs a fraction of reflection.
type cryptoParams struct {
	KeyID               string
	EncryptionAlgorithm string
	MacAlgorithm        string
	EncryptionContext   map[string]string
	KeySpec             string
	KeyPairSpec         string
	NumberOfBytes       *int
	DryRun              bool
}

func (p *cryptoParams) fields(cl *call) *audit.Fields {
	f := cl.fieldRoom[:0]
	for _, s := range [...]struct{ name, value string }{
		{"keyId", p.KeyID}, {"encryptionAlgorithm", p.EncryptionAlgorithm}, {"macAlgorithm", p.MacAlgorithm},
		{"keySpec", p.KeySpec}, {"keyPairSpec", p.KeyPairSpec},
	} {
		if s.value != "" {
			f = append(f, audit.Field{Name: s.name, Value: s.value})
		}
	}
	if p.NumberOfBytes != nil {
		f = append(f, audit.Field{Name: "numberOfBytes", Value: *p.NumberOfBytes})
	}
	if len(p.EncryptionContext) > 0 {
		f = append(f, audit.Field{Name: "encryptionContext", Value: p.EncryptionContext})
	}
	if p.DryRun {
		f = append(f, audit.Field{Name: "dryRun", Value: true})
	}
	cl.fields = f
	return &cl.fields
}

type reEncryptParams struct {
	SourceKeyID                    string            `json:"sourceKeyId,omitempty"`
	SourceEncryptionAlgorithm      string            `json:"sourceEncryptionAlgorithm,omitempty"`
	SourceEncryptionContext        map[string]string `json:"sourceEncryptionContext,omitempty"`
	DestinationKeyID               string            `json:"destinationKeyId,omitempty"`
	DestinationEncryptionAlgorithm string            `json:"destinationEncryptionAlgorithm,omitempty"`
	DestinationEncryptionContext   map[string]string `json:"destinationEncryptionContext,omitempty"`
	DryRun                         bool              `json:"dryRun,omitempty"`
}

type grantParams struct {
	KeyID             string            `json:"keyId,omitempty"`
	GranteePrincipal  string            `json:"granteePrincipal,omitempty"`
	RetiringPrincipal string            `json:"retiringPrincipal,omitempty"`
	Operations        []string          `json:"operations,omitempty"`
	Constraints       *constraintParams `json:"constraints,omitempty"`
	Name              string            `json:"name,omitempty"`
	GrantID           string            `json:"grantId,omitempty"`
	Limit             *int              `json:"limit,omitempty"`
	DryRun            bool              `json:"dryRun,omitempty"`
}

type constraintParams struct {
	Equals map[string]string `json:"encryptionContextEquals,omitempty"`
	Subset map[string]string `json:"encryptionContextSubset,omitempty"`
}

// eventMetadata is KeyMetadata as CreateKey's event shows it.
func eventMetadata(m *KeyMetadata) map[string]any {
	return map[string]any{
		"aWSAccountId": m.Account, "keyId": m.ID, "arn": m.ARN, "creationDate": m.Created.Format(time.RFC3339),
		"enabled": m.State == Enabled, "description": m.Description, "keyUsage": m.Usage, "keyState": string(m.State),
		"origin": m.Origin, "keyManager": m.Manager, "keySpec": m.Spec, "customerMasterKeySpec": m.Spec,
		"encryptionAlgorithms": m.EncryptionAlgorithms, "multiRegion": false, "currentKeyMaterialId": m.CurrentMaterialID,
	}
}
