package ec2

import (
	"context"
	"errors"

	"coffer.example/blockstore"
	"coffer.example/kms"
)

// KMSOf returns the KMS interface of a key store.
func KMSOf(k *kms.KMS) KMS { return keyStore{k} }

type keyStore struct{ k *kms.KMS }

func (s keyStore) DescribeKey(ctx context.Context, caller kms.Caller, key string) (*kms.KeyMetadata, error) {
	return s.k.DescribeKey(ctx, caller, kms.DescribeKeyInput{KeyID: key})
}

func (s keyStore) Keyring(caller kms.Caller) blockstore.Keyring { return s.k.KeyringFor(caller) }

func (s keyStore) CreateGrant(ctx context.Context, caller kms.Caller, grant AttachGrant) (string, error) {
	role := infrastructureARN(caller.Account, grant.InstanceID)
	out, err := s.k.CreateGrant(ctx, caller, kms.CreateGrantInput{
		KeyID: grant.KeyARN, GranteePrincipal: role, RetiringPrincipal: role,
		Operations:              []string{"Decrypt"},
		EncryptionContextSubset: map[string]string{"aws:ebs:id": grant.VolumeID},
		Name:                    grant.InstanceID + "/" + grant.VolumeID,
	})
	if err != nil {
		return "", err
	}
	return out.GrantID, nil
}

func (s keyStore) RetireGrant(ctx context.Context, role kms.Caller, grant AttachGrant) error {
	if grant.ID == "" {
		return s.retireUnrecorded(ctx, role, grant)
	}
	err := s.k.RetireGrant(ctx, role, kms.RetireGrantInput{KeyID: grant.KeyARN, GrantID: grant.ID})
	if errors.Is(err, kms.ErrNotFound) || errors.Is(err, kms.ErrInvalidGrantID) {
		return nil // revoked before, or the key is gone
	}
	return err
}

// retireUnrecorded finds the grant of an attachment that ended between making the
// grant and recording its id. The account lists what the role may retire.
func (s keyStore) retireUnrecorded(ctx context.Context, role kms.Caller, grant AttachGrant) error {
	account := forService(asOwner(ref{Region: role.Region, Owner: role.Account}))
	marker := ""
	for {
		out, err := s.k.ListRetirableGrants(ctx, account, kms.ListRetirableGrantsInput{RetiringPrincipal: role.ARN, Page: kms.Page{Marker: marker}})
		if err != nil {
			return err
		}
		for _, g := range out.Grants {
			if g.EncryptionContextSubset["aws:ebs:id"] == grant.VolumeID {
				found := AttachGrant{KeyARN: g.KeyID, VolumeID: grant.VolumeID, InstanceID: grant.InstanceID, ID: g.ID}
				if err := s.RetireGrant(ctx, role, found); err != nil {
					return err
				}
			}
		}
		if marker = out.Next.Marker; marker == "" {
			return nil
		}
	}
}

// keyFailure is why a KMS key could not be used.
type keyFailure uint8

// The failures.
const (
	notKeyFailure   keyFailure = iota // the error is not a refusal of the key store
	keyMissing                        // there is no such key
	keyWrongState                     // disabled, pending deletion, pending import
	keyAccessDenied                   // no policy or grant allows it
	keyUnusable                       // not a key for this use
)

func classify(err error) keyFailure {
	switch {
	case errors.Is(err, kms.ErrNotFound), errors.Is(err, kms.ErrInvalidArn):
		return keyMissing
	case errors.Is(err, kms.ErrDisabled), errors.Is(err, kms.ErrInvalidState):
		return keyWrongState
	case errors.Is(err, kms.ErrAccessDenied):
		return keyAccessDenied
	case errors.Is(err, kms.ErrInvalidKeyUsage), errors.Is(err, kms.ErrValidation), errors.Is(err, kms.ErrUnsupported), errors.Is(err, kms.ErrLimitExceeded), errors.Is(err, kms.ErrInvalidCiphertext), errors.Is(err, kms.ErrIncorrectKey):
		return keyUnusable
	}
	return notKeyFailure
}

// keyReason is the key store's own sentence.
func keyReason(err error) string {
	var refusal *kms.Error
	if errors.As(err, &refusal) && refusal.Message != "" {
		return refusal.Message
	}
	return err.Error()
}

// keyMessage is the sentence for a state that a failure has caused.
func keyMessage(err error) string {
	switch classify(err) {
	case keyMissing, keyAccessDenied:
		return "Given key ID is not accessible"
	case keyWrongState:
		return keyReason(err)
	case keyUnusable:
		return "The KMS key cannot be used for this resource"
	}
	return "Internal error"
}

// keyRefusal turns a failure of the key store into a synchronous refusal; other
// errors stay what they are.
func keyRefusal(err error) error {
	if classify(err) == notKeyFailure {
		return err
	}
	return &Error{Reason: KeyUnavailable, Message: keyReason(err), Cause: err}
}
