package kms

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// recordVersion starts every record: version(1) ‖ JSON. An unknown version refuses.
const recordVersion = 1

func encodeRecord(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("kms: encode record: %w", err)
	}
	return append([]byte{recordVersion}, b...), nil
}

func decodeRecord(b []byte, v any) error {
	if len(b) == 0 || b[0] != recordVersion {
		return fmt.Errorf("%w: record version", ErrFormat)
	}
	d := json.NewDecoder(bytes.NewReader(b[1:]))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: record: %w", ErrDamaged, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: bytes after a record", ErrDamaged)
	}
	return nil
}

// formatRecord describes the whole store.
type formatRecord struct {
	Version     int    `json:"version"`
	Account     string `json:"account"`
	ReservedKey string `json:"reservedKey"` // id of the key behind the empty key name
	// AuditSecret is random: a rotation of the root key does not break the audit chain.
	AuditSecret []byte `json:"auditSecret"`
}

const storeFormatVersion = 1

// keyRecord is a KMS key without its material.
type keyRecord struct {
	ID          string    `json:"id"`
	Account     string    `json:"account"`
	Region      string    `json:"region"`
	Created     time.Time `json:"created"`
	Description string    `json:"description,omitempty"`
	Usage       string    `json:"usage"`
	Spec        string    `json:"spec"`
	Origin      string    `json:"origin"`
	Manager     string    `json:"manager"`
	Service     string    `json:"service,omitempty"`  // of an AWS managed key: ebs, rds, ecr, s3
	Reserved    bool      `json:"reserved,omitempty"` // invisible to the API
	State       KeyState  `json:"state"`
	Policy      string    `json:"policy,omitempty"`
	Tags        []Tag     `json:"tags,omitempty"`

	Material        string    `json:"material,omitempty"` // id of the current material
	Materials       int       `json:"materials"`          // number of materials ever made current; numbers them
	ValidTo         time.Time `json:"validTo,omitzero"`   // of the current material, if it was imported and expires
	ExpirationModel string    `json:"expirationModel,omitempty"`
	Missing         int       `json:"missing,omitempty"` // numbered imported materials without bytes
	Expiry          time.Time `json:"expiry,omitzero"`   // the earliest ValidTo among all materials

	DeletionDate time.Time `json:"deletionDate,omitzero"`
	WindowDays   int       `json:"windowDays,omitempty"`

	Rotation rotation `json:"rotation"`

	Due time.Time `json:"due,omitzero"` // the time in this key's entry of the due index
}

// rotation is a key's rotation schedule.
type rotation struct {
	Enabled    bool      `json:"enabled,omitempty"`
	PeriodDays int       `json:"periodDays,omitempty"`
	Next       time.Time `json:"next,omitzero"`
	OnDemand   int       `json:"onDemand,omitempty"` // rotations on demand so far
	// Pending is imported material that waits for a rotation on demand.
	Pending string `json:"pending,omitempty"`
}

// materialRecord is one version of a key's material.
type materialRecord struct {
	ID      string    `json:"id"`
	Number  int       `json:"number"` // 1 for the first that was current; 0 while pending rotation
	Created time.Time `json:"created"`
	// Rotated is when the material became current by a rotation, and Type how: AUTOMATIC, ON_DEMAND.
	Rotated time.Time `json:"rotated,omitzero"`
	Type    string    `json:"type,omitempty"`
	// Sealed is the material under the root's material key; empty while imported material is missing.
	Sealed          []byte    `json:"sealed,omitempty"`
	Digest          []byte    `json:"digest,omitempty"` // of imported material: only the same may come back
	Description     string    `json:"description,omitempty"`
	ValidTo         time.Time `json:"validTo,omitzero"`
	ExpirationModel string    `json:"expirationModel,omitempty"`
}

// aliasRecord is an alias.
type aliasRecord struct {
	KeyID   string    `json:"keyId"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

// grantRecord is a grant. Principals are kept as they were given, and normalised.
type grantRecord struct {
	ID             string            `json:"id"`
	Name           string            `json:"name,omitempty"`
	Grantee        string            `json:"grantee"`
	GranteeARN     string            `json:"granteeArn"`
	Retiring       string            `json:"retiring,omitempty"`
	RetiringARN    string            `json:"retiringArn,omitempty"`
	IssuingAccount string            `json:"issuingAccount"`
	Operations     []string          `json:"operations"`
	Equals         map[string]string `json:"equals,omitempty"`
	Subset         map[string]string `json:"subset,omitempty"`
	Created        time.Time         `json:"created"`
	Parent         string            `json:"parent,omitempty"`
	// RetiringName is the grant's entry of the index by retiring principal, if it has one.
	RetiringName string `json:"retiringName,omitempty"`
}
