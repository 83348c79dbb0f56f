package kms

import (
	"context"
	"fmt"
	"io"
)

// GenerateDataKey draws a data key and returns it in clear and wrapped.
func (k *KMS) GenerateDataKey(ctx context.Context, c Caller, in GenerateDataKeyInput) (*GenerateDataKeyOutput, error) {
	return k.generateDataKey(ctx, c, "GenerateDataKey", in)
}

// GenerateDataKeyWithoutPlaintext is GenerateDataKey for a key that is needed later: it returns it wrapped only.
func (k *KMS) GenerateDataKeyWithoutPlaintext(ctx context.Context, c Caller, in GenerateDataKeyInput) (*GenerateDataKeyOutput, error) {
	out, err := k.generateDataKey(ctx, c, "GenerateDataKeyWithoutPlaintext", in)
	if out != nil {
		clear(out.Plaintext)
		out.Plaintext = nil
	}
	return out, err
}

func (k *KMS) generateDataKey(ctx context.Context, c Caller, op string, in GenerateDataKeyInput) (*GenerateDataKeyOutput, error) {
	return perform(ctx, k, c, op, func(cl *call) (*GenerateDataKeyOutput, error) {
		return cl.dataKey(ctx, in, nil)
	})
}

// dataKey is the work of the data key operations. plain, if not nil, is wrapped in
// place of a new key.
func (cl *call) dataKey(ctx context.Context, in GenerateDataKeyInput, plain []byte) (*GenerateDataKeyOutput, error) {
	cl.params = (&cryptoParams{KeyID: in.KeyID, EncryptionContext: in.EncryptionContext, KeySpec: in.KeySpec,
		NumberOfBytes: in.NumberOfBytes, DryRun: in.DryRun}).fields(cl)
	size, err := checkDataKey(&in)
	if err != nil {
		return nil, err
	}
	e, canonical, err := cl.target(ctx, use{action: cl.op, keyID: in.KeyID, context: in.EncryptionContext, grantTokens: in.GrantTokens})
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return nil, errDryRun
	}
	if plain == nil {
		if plain, err = cl.k.draw(size); err != nil {
			return nil, err
		}
	}
	blob, err := cl.k.wrap(ctx, e, plain, canonical)
	return &GenerateDataKeyOutput{Plaintext: plain, CiphertextBlob: blob, KeyARN: e.arn, KeyMaterialID: e.Material}, err
}

// draw returns n random bytes.
func (k *KMS) draw(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(k.o.Rand, b); err != nil {
		return nil, fmt.Errorf("kms: draw random bytes: %w", err)
	}
	return b, nil
}

func checkDataKey(in *GenerateDataKeyInput) (size int, err error) {
	var v checks
	v.keyID(in.KeyID)
	v.between("numberOfBytes", in.NumberOfBytes, 1, maxDataKey)
	v.enum("keySpec", in.KeySpec, "AES_256", "AES_128")
	v.grantTokens(in.GrantTokens)
	if err := v.err(); err != nil {
		return 0, err
	}
	switch {
	case in.NumberOfBytes != nil && in.KeySpec != "":
		return 0, refuse(ErrValidation, "Please specify either number of bytes or key spec.")
	case in.NumberOfBytes != nil:
		return *in.NumberOfBytes, nil
	case in.KeySpec == "AES_256":
		return 32, nil
	case in.KeySpec == "AES_128":
		return 16, nil
	}
	return 0, refuse(ErrValidation, "Please specify either number of bytes or key spec.")
}

// GenerateRandom returns random bytes; it needs no key.
func (k *KMS) GenerateRandom(ctx context.Context, c Caller, in GenerateRandomInput) (*GenerateRandomOutput, error) {
	return perform(ctx, k, c, "GenerateRandom", func(cl *call) (*GenerateRandomOutput, error) {
		cl.params = (&cryptoParams{NumberOfBytes: in.NumberOfBytes}).fields(cl)
		var v checks
		v.between("numberOfBytes", in.NumberOfBytes, 1, maxRandom)
		if err := v.err(); err != nil {
			return nil, err
		}
		switch {
		case in.NumberOfBytes == nil:
			return nil, refuse(ErrValidation, "NumberOfBytes is required.")
		case in.CustomKeyStoreID != "":
			return nil, refuse(ErrUnsupported, "Custom key stores are not supported.")
		case in.Recipient:
			return nil, refuse(ErrUnsupported, "Recipient is not supported.")
		}
		if err := cl.authorize(ctx, access{action: "GenerateRandom"}); err != nil {
			return nil, err
		}
		b, err := k.draw(*in.NumberOfBytes)
		return &GenerateRandomOutput{Plaintext: b}, err
	})
}
