package ecr

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"coffer.example/aead"
	"coffer.example/kms"
)

// managedKey is the alias of the key of KMS repositories that name none; KMS makes the key when it is first used.
const managedKey = "alias/aws/ecr"

// viaService is what keys' policies see in kms:ViaService.
func viaService(region string) string { return "ecr." + region + ".amazonaws.com" }

// forService is the caller as the key store sees it when this service calls for them.
func forService(c kms.Caller) kms.Caller {
	c.ViaService = viaService(c.Region)
	return c
}

// principal is the repository itself as a caller: no policy speaks for it, so that only its grants let it in.
func (r *Repository) principal() kms.Caller {
	via := viaService(r.Region)
	return kms.Caller{
		Account: r.Account, Region: r.Region, ARN: r.ARN(), UserID: r.ID, Type: "AWSService",
		ViaService: via, SourceIP: via, UserAgent: via,
	}
}

// resolveKey returns the ARN of the key that a new repository is to have.
func (s *Service) resolveKey(ctx context.Context, c kms.Caller, key string) (string, error) {
	if key == "" {
		key = managedKey
	}
	found, err := s.keys.DescribeKey(ctx, forService(c), kms.DescribeKeyInput{KeyID: key})
	switch {
	case err != nil:
		return "", keyRefusal(err)
	case found.Region != c.Region:
		return "", kmsError("InvalidArnException", "The key %s is not in the Region %s of the repository.", found.ARN, c.Region)
	case found.Usage != "ENCRYPT_DECRYPT":
		return "", kmsError("InvalidKeyUsageException", "%s key usage is %s which is not valid for a repository.", found.ARN, found.Usage)
	}
	return found.ARN, nil
}

// grantCount is how many grants a repository has on its key. Each allows both uses, and the repository uses the key only
// while all of them are there: revoking any of them cuts push and pull.
const grantCount = 2

func (r *Repository) grantName(number int) string {
	return "ecr/" + r.ID + "/" + strconv.Itoa(number)
}

// createGrants makes the grants of a repository as the caller, who lends it the key.
func (s *Service) createGrants(ctx context.Context, c kms.Caller, r *Repository) error {
	for number := range grantCount {
		out, err := s.keys.CreateGrant(ctx, forService(c), kms.CreateGrantInput{
			KeyID: r.Encryption.Key, GranteePrincipal: r.ARN(), RetiringPrincipal: r.ARN(),
			Operations:              []string{"GenerateDataKey", "Decrypt"},
			EncryptionContextSubset: map[string]string{contextECR: r.ARN()},
			Name:                    r.grantName(number + 1),
		})
		if err != nil {
			return keyRefusal(err)
		}
		r.Grants = append(r.Grants, out.GrantID)
	}
	return nil
}

// retireGrants retires the grants of a repository as a caller. Those that are gone are retired.
func (s *Service) retireGrants(ctx context.Context, c kms.Caller, r *Repository) error {
	var failed error
	for _, id := range r.Grants {
		err := s.keys.RetireGrant(ctx, c, kms.RetireGrantInput{KeyID: r.Encryption.Key, GrantID: id})
		if err != nil && !errors.Is(err, kms.ErrNotFound) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// The encryption context of every use of a repository's key: these two pairs and no others.
const (
	contextS3  = "aws:s3:arn"
	contextECR = "aws:ecr:arn"
)

// objectContext is the context of the object of a digest (of its content, by SHA-256).
func (r *Repository) objectContext(object, sha256 string) map[string]string {
	return map[string]string{
		contextS3:  fmt.Sprintf("arn:aws:s3:::%s-starport-manifest-bucket/%s/sha256:%s", r.Region, object, sha256),
		contextECR: r.ARN(),
	}
}

// checkGrants refuses unless every grant of a repository is there.
func (s *Service) checkGrants(ctx context.Context, r *Repository) error {
	for _, id := range r.Grants {
		ok, err := s.keys.GrantExists(ctx, r.Encryption.Key, id)
		if err != nil {
			return err
		}
		if !ok {
			return kmsError("AccessDeniedException", "The grant %s of the repository %s on its key %s is gone.", id, r.Name, r.Encryption.Key)
		}
	}
	return nil
}

// newDataKey asks for a data key under a repository's key.
func (s *Service) newDataKey(ctx context.Context, r *Repository, ec map[string]string) (*aead.Secret, []byte, error) {
	if err := s.checkGrants(ctx, r); err != nil {
		return nil, nil, err
	}
	out, err := s.keys.GenerateDataKey(ctx, r.principal(), kms.GenerateDataKeyInput{KeyID: r.Encryption.Key, KeySpec: "AES_256", EncryptionContext: ec})
	if err != nil {
		return nil, nil, keyRefusal(err)
	}
	return aead.NewSecret(out.Plaintext), out.CiphertextBlob, nil
}

// openDataKey opens one.
func (s *Service) openDataKey(ctx context.Context, r *Repository, blob []byte, ec map[string]string) (*aead.Secret, error) {
	if err := s.checkGrants(ctx, r); err != nil {
		return nil, err
	}
	out, err := s.keys.Decrypt(ctx, r.principal(), kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: ec})
	if err != nil {
		return nil, keyRefusal(err)
	}
	return aead.NewSecret(out.Plaintext), nil
}

func kmsError(code, format string, args ...any) error {
	return &Error{Reason: KeyUnavailable, KMSCode: code, Message: fmt.Sprintf(format, args...)}
}

// keyRefusal turns a refusal of the key store into one of this service; its own failures stay what they are.
func keyRefusal(err error) error {
	var refusal *kms.Error
	if !errors.As(err, &refusal) || errors.Is(err, kms.ErrInternal) {
		return err
	}
	message := refusal.Message
	if message == "" {
		message = strings.TrimPrefix(refusal.Kind.Error(), "kms: ")
	}
	return &Error{Reason: KeyUnavailable, KMSCode: kms.Code(err), Message: message, Cause: err}
}
