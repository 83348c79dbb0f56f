package ecr

import (
	"regexp"
	"time"
)

// The encryption types of a repository.
const (
	EncryptionAES256 = "AES256"   // under the service's key
	EncryptionKMS    = "KMS"      // under a KMS key
	EncryptionDSSE   = "KMS_DSSE" // under both, one layer inside the other
)

// The mutabilities of a repository's tags.
const (
	Mutable          = "MUTABLE"
	Immutable        = "IMMUTABLE"
	MutableExcept    = "MUTABLE_WITH_EXCLUSION"
	ImmutableExcept  = "IMMUTABLE_WITH_EXCLUSION"
	exclusionMatcher = "WILDCARD"
)

// Encryption is how the contents of a repository are sealed. It never changes.
type Encryption struct {
	Type string
	Key  string `json:",omitempty"` // the KMS key: as asked for, and then its ARN
}

// Mutability says which tags may move.
type Mutability struct {
	Mode       string
	Exclusions []string `json:",omitempty"` // patterns with *, of tags that have the other mode
}

// Tags are tags of a repository as an AWS resource.
type Tags map[string]string

// Name names a repository; an empty Registry is the caller's account.
type Name struct{ Registry, Repository string }

// Repository is a repository.
type Repository struct {
	ID         string // a UUID; a repository made anew under a name has another
	Region     string
	Account    string
	Name       string
	Created    time.Time
	Encryption Encryption
	Grants     []string `json:",omitempty"` // ids of the grants on the key
	Mutability Mutability
	ScanOnPush bool   `json:",omitempty"`
	Tags       Tags   `json:",omitempty"`
	Policy     string `json:",omitempty"` // JSON
}

// ARN returns the repository's ARN.
func (r *Repository) ARN() string { return repositoryARN(r.Region, r.Account, r.Name) }

func repositoryARN(region, account, name string) string {
	return "arn:aws:ecr:" + region + ":" + account + ":repository/" + name
}

var (
	// namePattern is that of the OCI distribution-spec, "Pulling manifests", which is ECR's too.
	namePattern = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern  = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	// digestPattern is of the algorithms that the OCI image-spec registers.
	digestPattern = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$`)
	uuidPattern   = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// ValidName says whether a text can name a repository.
func ValidName(s string) bool {
	return len(s) >= minRepositoryName && len(s) <= maxRepositoryName && namePattern.MatchString(s)
}

// ValidTag says whether a text can be an image tag.
func ValidTag(s string) bool { return tagPattern.MatchString(s) }

// ValidDigest says whether a text is a digest of a known algorithm.
func ValidDigest(s string) bool { return digestPattern.MatchString(s) }
