package kms

import (
	"context"
	"time"
)

// Caller is who makes a request, as a front end has authenticated it. The zero
// Region means the default Region of Options.
type Caller struct {
	Account     string // 12 digits
	ARN         string // arn:aws:iam::N:root, …:user/U, arn:aws:sts::N:assumed-role/R/S
	RoleARN     string // of a session's role, which has the path that ARN has not; empty: arn:aws:iam::N:role/R
	UserID      string // aws:userid
	UserName    string // aws:username of a user, the role's name of a session
	Type        string // Root, IAMUser, AssumedRole, AWSService
	AccessKeyID string
	Region      string
	Tags        map[string]string // aws:PrincipalTag/…
	// Policies are the principal's identity policies (none for the account root, which may do everything its account may).
	Policies []Policy
	// SessionPolicies limit what Policies and key policies allow; none means no limit.
	SessionPolicies []Policy
	// Boundary limits what Policies allow: the principal's permissions boundary, at most one.
	Boundary []Policy
	// ViaService is the service that calls on the caller's behalf, such as ec2.us-east-1.amazonaws.com.
	ViaService string
	SourceIP   string
	UserAgent  string
	RequestID  string
	// SessionStarted is when an assumed role's session began.
	SessionStarted time.Time
	// Insecure says that the request came without TLS.
	Insecure bool
}

// Policy is a policy document with the name by which decisions refer to it.
type Policy struct {
	Name     string // an ARN, or a phrase such as "inline policy P of user U"
	Document string // JSON
}

// Store is the metadata store that a KMS keeps its records in; see internal/meta for
// the contract and limits. Its errors are those aliased in errors.go.
type Store interface {
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Scan(ctx context.Context, prefix, after string, limit int, fn func(key string, value []byte, revision uint64) error) error
	Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error
	Close() error
}

// Recorder appends one audit event, a CloudTrail record in JSON, durably enough that
// the answer may be sent when it returns. An error fails the request, which may have
// changed something by then. The bytes of event are the KMS's again when Record returns.
type Recorder interface {
	Record(ctx context.Context, event []byte) error
}

// KeyState is a KMS key's state.
type KeyState string

// The states of a KMS key (reference: AWS KMS Developer Guide, "Key states").
const (
	Enabled         KeyState = "Enabled"
	Disabled        KeyState = "Disabled"
	PendingDeletion KeyState = "PendingDeletion"
	PendingImport   KeyState = "PendingImport"
)

// KeyMetadata describes a KMS key, as DescribeKey returns it.
type KeyMetadata struct {
	Account              string
	Region               string
	ID                   string // UUID
	ARN                  string
	Created              time.Time
	Description          string
	Usage                string // ENCRYPT_DECRYPT, GENERATE_VERIFY_MAC
	Spec                 string // SYMMETRIC_DEFAULT, HMAC_256, …
	Origin               string // AWS_KMS, EXTERNAL
	Manager              string // CUSTOMER, AWS
	State                KeyState
	DeletionDate         time.Time // zero unless PendingDeletion
	PendingWindowDays    int
	ValidTo              time.Time // zero unless the material expires
	ExpirationModel      string
	CurrentMaterialID    string // 64 hex digits
	MultiRegion          bool   // always false
	MACAlgorithms        []string
	EncryptionAlgorithms []string
}

// Alias is a name of a KMS key, per account and Region.
type Alias struct {
	Name, ARN, TargetKeyID string
	Created, LastUpdated   time.Time
}

// Grant is a grant on a KMS key.
type Grant struct {
	ID, Name, KeyID   string // KeyID is the key's ARN
	Grantee, Retiring string // principal ARNs
	IssuingAccount    string
	Operations        []string
	// At most one of the constraints is set.
	EncryptionContextEquals, EncryptionContextSubset map[string]string
	Created                                          time.Time
}
