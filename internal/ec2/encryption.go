package ec2

import (
	"context"
	"errors"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
	"coffer.example/snapshot"
)

// managedKeyAlias names the AWS managed key for EBS, which the key store makes on first use.
const managedKeyAlias = "alias/aws/ebs"

// settings are an account's settings in a Region.
type settings struct {
	EncryptByDefault bool
	PublicAccess     PublicAccess
	DefaultKey       string // as ModifyEbsDefaultKmsKeyId resolved it; empty: the AWS managed key
}

func (s *Service) settings(ctx context.Context, caller kms.Caller) (stored[settings], error) {
	out, err := records.Get[settings](ctx, s.store, settingsKey(caller.Region, caller.Account))
	if errors.Is(err, meta.ErrNotFound) {
		return stored[settings]{}, nil
	}
	return out, err
}

// EncryptionByDefault says whether new volumes and copies are encrypted unasked.
func (s *Service) EncryptionByDefault(ctx context.Context, caller kms.Caller) (bool, error) {
	set, err := s.settings(ctx, caller)
	return set.Value.EncryptByDefault, err
}

// SetEncryptionByDefault turns encryption by default on or off.
func (s *Service) SetEncryptionByDefault(ctx context.Context, caller kms.Caller, on bool) error {
	return s.changeSettings(ctx, caller, func(set *settings) { set.EncryptByDefault = on })
}

// DefaultKey returns the ARN of the account's default key, the managed key's alias
// ARN if none was chosen.
func (s *Service) DefaultKey(ctx context.Context, caller kms.Caller) (string, error) {
	set, err := s.settings(ctx, caller)
	if err != nil || set.Value.DefaultKey != "" {
		return set.Value.DefaultKey, err
	}
	return "arn:aws:kms:" + caller.Region + ":" + caller.Account + ":" + managedKeyAlias, nil
}

// SetDefaultKey chooses the default key and returns it as an ARN. Its state is not
// looked at: a key that cannot be used fails what is made with it later. Empty
// chooses the managed key again.
func (s *Service) SetDefaultKey(ctx context.Context, caller kms.Caller, key string) (string, error) {
	arn := ""
	if key != "" {
		described, err := s.kms.DescribeKey(ctx, forService(caller), key)
		if err != nil {
			return "", keyRefusal(err)
		}
		if described.Spec != "SYMMETRIC_DEFAULT" {
			return "", refuse(InvalidParameter, "Invalid KmsKeyId: %s is not a symmetric encryption key", described.ARN)
		}
		arn = described.ARN
	}
	if err := s.changeSettings(ctx, caller, func(set *settings) { set.DefaultKey = arn }); err != nil {
		return "", err
	}
	return s.DefaultKey(ctx, caller)
}

func (s *Service) changeSettings(ctx context.Context, caller kms.Caller, edit func(*settings)) error {
	key := settingsKey(caller.Region, caller.Account)
	release, err := s.locks.Acquire(ctx, key)
	if err != nil {
		return err
	}
	defer release()
	set, err := s.settings(ctx, caller)
	if err != nil {
		return err
	}
	edit(&set.Value)
	return newChange().set(key, set.Revision, set.Value).Commit(ctx, s.store)
}

// key is a resolved decision: the key of what is about to be made.
type key struct {
	arn     string // empty: unencrypted
	managed bool
	// failure is why the key cannot be used. It is not the request's answer: what was
	// asked for appears, and then fails, as on AWS.
	failure error
}

// decide asks the decision table and resolves its answer to a key.
func (s *Service) decide(ctx context.Context, caller kms.Caller, r snapshot.Request, given string, source *Snapshot) (key, error) {
	set, err := s.settings(ctx, caller)
	if err != nil {
		return key{}, err
	}
	r.KeyGiven, r.EncryptByDefault, r.ManagedKeyCopies = given != "", set.Value.EncryptByDefault, s.opts.ManagedKeyCopies
	choice, err := snapshot.Decide(r)
	switch {
	case errors.Is(err, snapshot.ErrKeyWithoutEncrypted):
		return key{}, &Error{Reason: ParameterDependency, Message: "The parameter KmsKeyId requires the parameter Encrypted to be set.", Cause: err}
	case err != nil:
		return key{}, &Error{Reason: InvalidParameter, Message: "The encryption parameters are not allowed for this source.", Cause: err}
	}
	name := given
	switch choice {
	case snapshot.NoKey:
		return key{}, nil
	case snapshot.SourceKey:
		return key{arn: source.KeyARN, managed: source.ManagedKey}, nil
	case snapshot.ManagedKey:
		name = managedKeyAlias
	case snapshot.DefaultKey:
		if name = set.Value.DefaultKey; name == "" {
			name = managedKeyAlias
		}
	}
	return s.resolve(ctx, caller, name)
}

func (s *Service) resolve(ctx context.Context, caller kms.Caller, name string) (key, error) {
	described, err := s.kms.DescribeKey(ctx, forService(caller), name)
	if err != nil {
		if classify(err) == notKeyFailure {
			return key{}, err
		}
		return key{arn: name, failure: err}, nil
	}
	return key{arn: described.ARN, managed: described.Manager == "AWS"}, nil
}

// sourceOf is the decision table's word for a snapshot as this caller sees it.
func sourceOf(from *Snapshot, caller kms.Caller) snapshot.Source {
	switch {
	case from == nil:
		return snapshot.Empty
	case !from.Encrypted:
		return snapshot.Plain
	case from.Owner != caller.Account:
		return snapshot.EncryptedShared
	}
	return snapshot.Encrypted
}
