package kms

import (
	"context"
	"encoding/hex"

	"coffer.example/aead"
)

// ReEncrypt unwraps a blob and wraps what it held under another key or context.
func (k *KMS) ReEncrypt(ctx context.Context, c Caller, in ReEncryptInput) (*ReEncryptOutput, error) {
	return perform(ctx, k, c, "ReEncrypt", func(cl *call) (*ReEncryptOutput, error) {
		plain, out, err := cl.reEncrypt(ctx, in)
		clear(plain)
		return out, err
	})
}

// reEncrypt is ReEncrypt, and hands the plaintext to its caller, who clears it or keeps it inside.
func (cl *call) reEncrypt(ctx context.Context, in ReEncryptInput) ([]byte, *ReEncryptOutput, error) {
	cl.params = reEncryptParams{
		SourceKeyID: in.SourceKeyID, SourceEncryptionContext: in.SourceEncryptionContext,
		SourceEncryptionAlgorithm: or(in.SourceEncryptionAlgorithm, algorithmSymmetric),
		DestinationKeyID:          in.DestinationKeyID, DestinationEncryptionContext: in.DestinationEncryptionContext,
		DestinationEncryptionAlgorithm: or(in.DestinationEncryptionAlgorithm, algorithmSymmetric), DryRun: in.DryRun,
	}
	ignore := ignoresCiphertext(in.DryRun, in.DryRunModifiers)
	if err := checkReEncrypt(&in, ignore); err != nil {
		return nil, nil, err
	}
	from, to, err := cl.bothEnds(ctx, &in, ignore)
	if err != nil {
		return nil, nil, err
	}
	var plain []byte
	if !ignore {
		if plain, err = cl.k.unwrap(ctx, from.key, from.header, in.CiphertextBlob, from.canonical); err != nil {
			return nil, nil, err
		}
	}
	if in.DryRun {
		return plain, nil, errDryRun
	}
	blob, err := cl.k.wrap(ctx, to.key, plain, to.canonical)
	if err != nil {
		return plain, nil, err
	}
	return plain, &ReEncryptOutput{
		CiphertextBlob: blob, SourceKeyARN: from.key.arn, KeyARN: to.key.arn,
		SourceKeyMaterialID: hex.EncodeToString(from.header.MaterialID[:]), DestinationKeyMaterialID: to.key.Material,
		SourceEncryptionAlgorithm: algorithmSymmetric, DestinationEncryptionAlgorithm: algorithmSymmetric,
	}, nil
}

func checkReEncrypt(in *ReEncryptInput, ignore bool) error {
	var v checks
	if !ignore || in.CiphertextBlob != nil {
		v.blob("ciphertextBlob", in.CiphertextBlob, maxBlob)
	} else {
		v.required("sourceKeyId", in.SourceKeyID, maxKeyName)
	}
	v.length("sourceKeyId", in.SourceKeyID, maxKeyName)
	v.required("destinationKeyId", in.DestinationKeyID, maxKeyName)
	v.algorithm("sourceEncryptionAlgorithm", in.SourceEncryptionAlgorithm)
	v.algorithm("destinationEncryptionAlgorithm", in.DestinationEncryptionAlgorithm)
	v.grantTokens(in.GrantTokens)
	v.dryRunModifiers(in.DryRunModifiers)
	return v.err()
}

// end is one side of a re-encryption.
type end struct {
	key       *keyEntry
	alias     string
	header    aead.WrapHeader // of the source
	canonical []byte
}

// bothEnds finds both keys, then asks for ReEncryptFrom on the one and ReEncryptTo on the other.
func (cl *call) bothEnds(ctx context.Context, in *ReEncryptInput, ignore bool) (from, to end, err error) {
	if from.canonical, err = canonicalContext(in.SourceEncryptionContext); err != nil {
		return
	}
	if to.canonical, err = canonicalContext(in.DestinationEncryptionContext); err != nil {
		return
	}
	if ignore {
		from.key, from.alias, err = cl.find(ctx, in.SourceKeyID, anyName)
	} else {
		from.key, from.alias, from.header, err = cl.source(ctx, in.CiphertextBlob, in.SourceKeyID)
	}
	if err != nil {
		return
	}
	if to.key, to.alias, err = cl.find(ctx, in.DestinationKeyID, anyName); err != nil {
		return
	}
	keys := map[string][]string{"kms:reencryptonsamekey": boolKey(from.key.ID == to.key.ID)}
	err = cl.admit(ctx, from.key, from.alias, use{action: "ReEncryptFrom", context: in.SourceEncryptionContext,
		algorithm: in.SourceEncryptionAlgorithm, grantTokens: in.GrantTokens, keys: keys})
	if err != nil {
		return
	}
	err = cl.admit(ctx, to.key, to.alias, use{action: "ReEncryptTo", context: in.DestinationEncryptionContext,
		algorithm: in.DestinationEncryptionAlgorithm, grantTokens: in.GrantTokens, keys: keys})
	return
}
