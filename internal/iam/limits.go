package iam

// Limits of policy documents. AWS counts identity and trust policies without their
// white space, key and repository policies with it.
const (
	// MaxPolicyText is the most text that any API takes (policyDocumentType of the IAM model).
	MaxPolicyText = 131072
	// MaxKeyPolicy is AWS KMS's quota "key policy document size".
	MaxKeyPolicy = 32768
	// MaxRepositoryPolicy is what ECR's model calls RepositoryPolicyText.
	MaxRepositoryPolicy = 10240
	// MaxTrustPolicy is IAM's default quota "role trust policy length".
	MaxTrustPolicy = 2048
	// MaxIdentityPolicy is IAM's largest identity policy (all inline policies of a role).
	MaxIdentityPolicy = 10240
	// MaxManagedPolicy and MaxUserInline are the smaller quotas that the Directory enforces.
	MaxManagedPolicy = 6144
	MaxUserInline    = 2048

	// maxPolicyDepth bounds the nesting of a document: the deepest legal value is an
	// array in an operator in Condition in a statement in an array in the document.
	maxPolicyDepth = 6
)

const _ = uint(MaxPolicyText - MaxKeyPolicy) // every kind fits what an API takes
