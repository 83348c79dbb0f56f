package iam

import "time"

// Request is what a caller asks to do, with everything that policies can look at.
type Request struct {
	Principal       Principal
	Action          string // "kms:Decrypt"
	Resource        string // ARN
	ResourceAccount string // the account that owns the resource

	Time      time.Time // aws:CurrentTime, aws:EpochTime
	Region    string    // aws:RequestedRegion
	SourceIP  string    // aws:SourceIp
	UserAgent string    // aws:UserAgent
	// Insecure says that the request came without TLS; aws:SecureTransport is its opposite.
	Insecure bool
	// Keys answers for the service's condition keys and for aws:ResourceTag/…,
	// aws:RequestTag/…, aws:TagKeys. It may be nil.
	Keys ConditionKeys

	// Grant describes the request to grants. GrantOperation is empty where no grant can allow it.
	Grant GrantRequest
}

// GrantRequest is the part of a request that grants look at.
type GrantRequest struct {
	Operation         string            // "Decrypt"
	EncryptionContext map[string]string // compared with constraints, except for DescribeKey and RetireGrant
	// Child is the grant that a CreateGrant request asks for: under a parent grant it must not be wider.
	Child *Grant
}

// ConditionKeys answers for condition keys. Values gets a key in lower case and the
// key as the policy writes it (the part after "kms:EncryptionContext:" matters there);
// present is false if the request has no such key. The slice is only read.
type ConditionKeys interface {
	Values(lower, written string) (values []string, present bool)
}

// KeyMap is a ConditionKeys of a map with lower-case keys.
type KeyMap map[string][]string

// Values implements ConditionKeys.
func (m KeyMap) Values(lower, _ string) ([]string, bool) { v, ok := m[lower]; return v, ok }
