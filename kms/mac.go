package kms

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
)

// GenerateMac returns the MAC of a message under an HMAC key.
func (k *KMS) GenerateMac(ctx context.Context, c Caller, in MacInput) (*MacOutput, error) {
	return perform(ctx, k, c, "GenerateMac", func(cl *call) (*MacOutput, error) {
		e, mac, err := cl.mac(ctx, &in)
		if err != nil {
			return nil, err
		}
		if in.DryRun {
			return nil, errDryRun
		}
		return &MacOutput{Mac: mac, KeyARN: e.arn, MacAlgorithm: in.MacAlgorithm}, nil
	})
}

// VerifyMac says whether a MAC is that of a message; a wrong one is ErrInvalidMac.
func (k *KMS) VerifyMac(ctx context.Context, c Caller, in VerifyMacInput) (*VerifyMacOutput, error) {
	return perform(ctx, k, c, "VerifyMac", func(cl *call) (*VerifyMacOutput, error) {
		var v checks
		v.blob("mac", in.Mac, maxBlob)
		if err := v.err(); err != nil {
			return nil, err
		}
		e, mac, err := cl.mac(ctx, &in.MacInput)
		if err != nil {
			return nil, err
		}
		if !hmac.Equal(mac, in.Mac) {
			return nil, &Error{Kind: ErrInvalidMac}
		}
		if in.DryRun {
			return nil, errDryRun
		}
		return &VerifyMacOutput{KeyARN: e.arn, MacValid: true, MacAlgorithm: in.MacAlgorithm}, nil
	})
}

// mac validates and authorises a request and computes the MAC that it is about.
func (cl *call) mac(ctx context.Context, in *MacInput) (*keyEntry, []byte, error) {
	cl.params = (&cryptoParams{KeyID: in.KeyID, MacAlgorithm: in.MacAlgorithm, DryRun: in.DryRun}).fields(cl)
	var v checks
	v.keyID(in.KeyID)
	v.blob("message", in.Message, maxPlaintext)
	v.required("macAlgorithm", in.MacAlgorithm, maxKeyName)
	var algorithms []string
	for _, m := range macSpecs() {
		algorithms = append(algorithms, m.algorithm)
	}
	v.enum("macAlgorithm", in.MacAlgorithm, algorithms...)
	v.grantTokens(in.GrantTokens)
	if err := v.err(); err != nil {
		return nil, nil, err
	}
	e, alias, err := cl.find(ctx, in.KeyID, anyName)
	if err != nil {
		return nil, nil, err
	}
	if err := cl.checkGrantTokens(in.GrantTokens); err != nil {
		return nil, nil, err
	}
	if err := cl.authorize(ctx, access{action: cl.op, key: e, alias: alias,
		keys: map[string][]string{"kms:macalgorithm": {in.MacAlgorithm}}}); err != nil {
		return nil, nil, err
	}
	if err := cl.requireState(e, Enabled); err != nil {
		return nil, nil, err
	}
	if e.Usage != usageMAC {
		return nil, nil, refuse(ErrInvalidKeyUsage, "%s key usage is %s which is not valid for %s.", e.arn, e.Usage, cl.op)
	}
	if spec, _ := findMACSpec(e.Spec); spec.algorithm != in.MacAlgorithm {
		return nil, nil, refuse(ErrInvalidKeyUsage, "Algorithm %s is incompatible with key spec %s.", in.MacAlgorithm, e.Spec)
	}
	secret, err := cl.k.secret(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	defer secret.Destroy()
	h := hmac.New(macHash(e.Spec), secret.Bytes())
	h.Write(in.Message)
	return e, h.Sum(nil), nil
}

func macHash(spec string) func() hash.Hash {
	switch spec {
	case "HMAC_224":
		return sha256.New224
	case "HMAC_256":
		return sha256.New
	case "HMAC_384":
		return sha512.New384
	}
	return sha512.New
}
