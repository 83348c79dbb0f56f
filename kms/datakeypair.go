package kms

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"
)

// pairSpecs are the key pairs of the model; see drawPair for those that are served.
func pairSpecs() []string {
	return []string{"RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521",
		"ECC_SECG_P256K1", "SM2", "ECC_NIST_EDWARDS25519"}
}

// GenerateDataKeyPair draws a key pair; the private key comes in clear and wrapped.
func (k *KMS) GenerateDataKeyPair(ctx context.Context, c Caller, in GenerateDataKeyPairInput) (*GenerateDataKeyPairOutput, error) {
	return k.dataKeyPair(ctx, c, "GenerateDataKeyPair", in)
}

// GenerateDataKeyPairWithoutPlaintext draws a key pair; the private key comes wrapped only.
func (k *KMS) GenerateDataKeyPairWithoutPlaintext(ctx context.Context, c Caller, in GenerateDataKeyPairInput) (*GenerateDataKeyPairOutput, error) {
	out, err := k.dataKeyPair(ctx, c, "GenerateDataKeyPairWithoutPlaintext", in)
	if out != nil {
		clear(out.PrivateKeyPlaintext)
		out.PrivateKeyPlaintext = nil
	}
	return out, err
}

func (k *KMS) dataKeyPair(ctx context.Context, c Caller, op string, in GenerateDataKeyPairInput) (*GenerateDataKeyPairOutput, error) {
	return perform(ctx, k, c, op, func(cl *call) (*GenerateDataKeyPairOutput, error) {
		cl.params = (&cryptoParams{KeyID: in.KeyID, EncryptionContext: in.EncryptionContext, KeyPairSpec: in.KeyPairSpec, DryRun: in.DryRun}).fields(cl)
		var v checks
		v.keyID(in.KeyID)
		v.required("keyPairSpec", in.KeyPairSpec, maxKeyName)
		v.enum("keyPairSpec", in.KeyPairSpec, pairSpecs()...)
		v.grantTokens(in.GrantTokens)
		if err := v.err(); err != nil {
			return nil, err
		}
		if in.Recipient {
			return nil, refuse(ErrUnsupported, "Recipient is not supported.")
		}
		e, canonical, err := cl.target(ctx, use{action: op, keyID: in.KeyID, context: in.EncryptionContext, grantTokens: in.GrantTokens,
			keys: map[string][]string{"kms:datakeypairspec": {in.KeyPairSpec}}})
		if err != nil {
			return nil, err
		}
		if in.DryRun {
			return nil, errDryRun
		}
		private, public, err := drawPair(k.o.Rand, in.KeyPairSpec)
		if err != nil {
			return nil, err
		}
		blob, err := k.wrap(ctx, e, private, canonical)
		return &GenerateDataKeyPairOutput{PrivateKeyPlaintext: private, PrivateKeyCiphertextBlob: blob, PublicKey: public,
			KeyARN: e.arn, KeyPairSpec: in.KeyPairSpec, KeyMaterialID: e.Material}, err
	})
}

// drawPair returns a private key in PKCS #8 and its public key in SubjectPublicKeyInfo, both DER.
func drawPair(rand io.Reader, spec string) (private, public []byte, err error) {
	var key, pub any
	rsaBits := map[string]int{"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
	curves := map[string]elliptic.Curve{"ECC_NIST_P256": elliptic.P256(), "ECC_NIST_P384": elliptic.P384(), "ECC_NIST_P521": elliptic.P521()}
	if bits, ok := rsaBits[spec]; ok {
		var k *rsa.PrivateKey
		if k, err = rsa.GenerateKey(rand, bits); err == nil {
			key, pub = k, &k.PublicKey
		}
	} else if curve, ok := curves[spec]; ok {
		var k *ecdsa.PrivateKey
		if k, err = ecdsa.GenerateKey(curve, rand); err == nil {
			key, pub = k, &k.PublicKey
		}
	} else {
		return nil, nil, refuse(ErrUnsupported, "Key pair spec %s is not supported.", spec)
	}
	if err == nil {
		private, err = x509.MarshalPKCS8PrivateKey(key)
	}
	if err == nil {
		public, err = x509.MarshalPKIXPublicKey(pub)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("kms: draw key pair: %w", err)
	}
	return private, public, nil
}
