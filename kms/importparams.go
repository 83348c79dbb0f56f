package kms

import (
	"context"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/binfmt"
)

// importValidity is how long a public key and its import token may be used.
const importValidity = 24 * time.Hour

const (
	importTokenAAD  = "import-token"
	maxImportToken  = 6144
	maxEncryptedKey = 6144
)

// importToken is what an import token holds. It is sealed under the token key, so the
// private key lies nowhere but in the token.
//
//	version(1) = 1 ‖ key id(2+n) ‖ algorithm(2+n) ‖ expiry in Unix seconds(8) ‖ PKCS #8 private key(2+n)
type importToken struct {
	keyID, algorithm string
	expires          time.Time
	private          *rsa.PrivateKey
}

// GetParametersForImport returns a public key to wrap material with, for a key of EXTERNAL origin.
func (k *KMS) GetParametersForImport(ctx context.Context, c Caller, in GetParametersForImportInput) (*ImportParameters, error) {
	return perform(ctx, k, c, "GetParametersForImport", func(cl *call) (*ImportParameters, error) {
		cl.params = map[string]any{"keyId": in.KeyID, "wrappingAlgorithm": in.WrappingAlgorithm, "wrappingKeySpec": in.WrappingKeySpec}
		var v checks
		v.keyID(in.KeyID)
		v.required("wrappingAlgorithm", in.WrappingAlgorithm, maxKeyName)
		v.enum("wrappingAlgorithm", in.WrappingAlgorithm, "RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256",
			"RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256", "SM2PKE")
		v.required("wrappingKeySpec", in.WrappingKeySpec, maxKeyName)
		v.enum("wrappingKeySpec", in.WrappingKeySpec, "RSA_2048", "RSA_3072", "RSA_4096", "SM2")
		if err := v.err(); err != nil {
			return nil, err
		}
		e, err := cl.manage(ctx, in.KeyID, map[string][]string{
			"kms:wrappingalgorithm": {in.WrappingAlgorithm}, "kms:wrappingkeyspec": {in.WrappingKeySpec}})
		if err != nil {
			return nil, err
		}
		if e.Origin != originExternal {
			return nil, errOrigin(&e.keyRecord)
		}
		if err := cl.requireState(e, Enabled, Disabled, PendingImport); err != nil {
			return nil, err
		}
		return k.importParameters(e, in)
	})
}

func (k *KMS) importParameters(e *keyEntry, in GetParametersForImportInput) (*ImportParameters, error) {
	bits := map[string]int{"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}[in.WrappingKeySpec]
	if _, ok := oaepHash(in.WrappingAlgorithm); !ok || bits == 0 {
		return nil, refuse(ErrUnsupported, "Wrapping algorithm %s with %s is not supported.", in.WrappingAlgorithm, in.WrappingKeySpec)
	}
	private, err := rsa.GenerateKey(k.o.Rand, bits)
	if err != nil {
		return nil, fmt.Errorf("kms: wrapping key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("kms: wrapping key: %w", err)
	}
	tok := importToken{keyID: e.ID, algorithm: in.WrappingAlgorithm, expires: k.now().Add(importValidity), private: private}
	sealed, err := k.sealImportToken(&tok)
	return &ImportParameters{KeyARN: e.arn, ImportToken: sealed, PublicKey: public, ValidTo: tok.expires}, err
}

func (k *KMS) sealImportToken(tok *importToken) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(tok.private)
	if err != nil {
		return nil, fmt.Errorf("kms: wrapping key: %w", err)
	}
	defer clear(der)
	w := binfmt.NewWriter(maxImportToken - aead.RecordOverhead)
	w.U8(1)
	w.String16(tok.keyID)
	w.String16(tok.algorithm)
	w.U64(uint64(tok.expires.Unix()))
	w.Bytes16(der)
	b, err := w.Finish()
	if err != nil {
		return nil, err
	}
	defer clear(b)
	return k.tokenKey.Seal(k.o.Rand, nil, b, []byte(importTokenAAD))
}

// openImportToken reads a token and checks that it is for this key and not expired.
func (k *KMS) openImportToken(sealed []byte, keyID string) (*importToken, error) {
	b, err := k.tokenKey.Open(nil, sealed, []byte(importTokenAAD))
	if err != nil {
		return nil, &Error{Kind: ErrInvalidImportToken}
	}
	defer clear(b)
	r := binfmt.NewReader(b)
	version := r.U8()
	tok := &importToken{keyID: r.String16(64), algorithm: r.String16(64)}
	tok.expires = time.Unix(int64(r.U64()), 0)
	der := r.Bytes16(maxImportToken)
	if r.Finish() != nil || version != 1 || tok.keyID != keyID {
		return nil, &Error{Kind: ErrInvalidImportToken}
	}
	if !k.now().Before(tok.expires) {
		return nil, &Error{Kind: ErrExpiredImportToken}
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := private.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, &Error{Kind: ErrInvalidImportToken}
	}
	tok.private = key
	return tok, nil
}

// unwrap opens encrypted key material. The caller destroys it.
func (tok *importToken) unwrap(encrypted []byte) (*aead.Secret, error) {
	h, _ := oaepHash(tok.algorithm)
	direct := tok.algorithm == "RSAES_OAEP_SHA_1" || tok.algorithm == "RSAES_OAEP_SHA_256"
	size := tok.private.Size()
	if len(encrypted) < size || direct && len(encrypted) != size {
		return nil, errInvalidCiphertext
	}
	b, err := rsa.DecryptOAEP(h(), nil, tok.private, encrypted[:size], nil)
	if err == nil && !direct {
		kek := b
		if len(kek) == aead.KeySize { // AWS asks for AES-256
			b, err = unwrapKWP(kek, encrypted[size:])
		} else {
			err = errors.New("kms: wrapped AES key of another size")
		}
		clear(kek)
	}
	if err != nil {
		return nil, errInvalidCiphertext
	}
	return aead.NewSecret(b), nil
}

// oaepHash returns the hash of a wrapping algorithm that is served.
func oaepHash(algorithm string) (func() hash.Hash, bool) {
	switch algorithm {
	case "RSAES_OAEP_SHA_1", "RSA_AES_KEY_WRAP_SHA_1":
		return sha1.New, true
	case "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_256":
		return sha256.New, true
	}
	return nil, false
}
