package kms

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"coffer.example/internal/iam"
)

// granteeName names the grants of one key to one normalised principal.
type granteeName struct{ keyID, principal string }

// grantOverhead is about what a cached grant takes.
const grantOverhead = 512

// grantOperations are the operations that a grant on a key of a usage may allow.
func grantOperations(usage string) []string {
	if usage == usageMAC {
		return []string{"GenerateMac", "VerifyMac", "CreateGrant", "RetireGrant", "DescribeKey"}
	}
	return []string{"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo",
		"CreateGrant", "RetireGrant", "DescribeKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"}
}

// modelGrantOperations are all of the model, some for keys that coffer has not.
func modelGrantOperations() []string {
	return []string{"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo",
		"Sign", "Verify", "GetPublicKey", "CreateGrant", "RetireGrant", "DescribeKey", "GenerateDataKeyPair",
		"GenerateDataKeyPairWithoutPlaintext", "GenerateMac", "VerifyMac", "DeriveSharedSecret"}
}

// grantable says whether a grant can allow an operation.
func grantable(op string) bool { return slices.Contains(modelGrantOperations(), op) }

// grantsOf returns the grants of a key to a principal.
func (k *KMS) grantsOf(ctx context.Context, name granteeName) ([]iam.Grant, error) {
	return k.grants.get(name, func() ([]iam.Grant, int, error) {
		prefix := prefixGrantee(name.keyID, name.principal)
		var out []iam.Grant
		err := k.store.Scan(ctx, prefix, "", 0, func(full string, _ []byte, _ uint64) error {
			rec, err := k.grant(ctx, name.keyID, strings.TrimPrefix(full, prefix))
			if missing(err) {
				return nil // revoked since the scan began
			}
			if err != nil {
				return err
			}
			out = append(out, rec.forEvaluation())
			return nil
		})
		return out, grantOverhead * (1 + len(out)), err
	})
}

func (k *KMS) grant(ctx context.Context, keyID, id string) (*grantRecord, error) {
	var rec grantRecord
	_, err := k.get(ctx, prefixGrant(keyID)+id, &rec)
	return &rec, err
}

func (g *grantRecord) forEvaluation() iam.Grant {
	return iam.Grant{ID: g.ID, Grantee: g.GranteeARN, Operations: g.Operations, EncryptionContextEquals: g.Equals,
		EncryptionContextSubset: g.Subset, Retiring: g.RetiringARN, IssuingAccount: g.IssuingAccount}
}

func (g *grantRecord) public(e *keyEntry) Grant {
	return Grant{ID: g.ID, Name: g.Name, KeyID: e.arn, Grantee: g.Grantee, Retiring: g.Retiring,
		IssuingAccount: rootARN(g.IssuingAccount), Operations: g.Operations, EncryptionContextEquals: g.Equals,
		EncryptionContextSubset: g.Subset, Created: g.Created}
}

// names are the names under which a grant is kept and found, beside prefixGrant.
func (g *grantRecord) names(e *keyEntry) []string {
	names := []string{prefixGrantee(e.ID, g.GranteeARN) + g.ID}
	if g.RetiringName != "" {
		names = append(names, g.RetiringName)
	}
	return names
}

// sameAs names a named grant by everything that makes two requests the same.
func (g *grantRecord) sameAs() (string, error) {
	b, err := json.Marshal([]any{g.Name, g.Grantee, g.Retiring, g.IssuingAccount, g.Operations, g.Equals, g.Subset})
	return hashName(string(b)), err
}

// deleteGrant removes a grant and its index entries.
func (k *KMS) deleteGrant(ctx context.Context, e *keyEntry, id string) error {
	return retry(func() error {
		var rec grantRecord
		name := prefixGrant(e.ID) + id
		revision, err := k.get(ctx, name, &rec)
		if missing(err) {
			return errNoGrant(id)
		}
		if err != nil {
			return err
		}
		t := newTxn()
		t.delete(name)
		t.at(name, revision)
		for _, n := range rec.names(e) {
			t.delete(n)
		}
		if rec.Name != "" {
			same, err := rec.sameAs()
			if err != nil {
				return err
			}
			t.delete(prefixNamed(e.ID) + same)
		}
		t.touchesGrants(granteeName{e.ID, rec.GranteeARN})
		if err := k.commit(ctx, t); err != nil {
			return err
		}
		k.counts.release(prefixGrant(e.ID))
		return nil
	})
}

// GrantExists says whether a grant of a key is there. It is for services that keep what
// they may do no longer than all of their grants; it asks no policy and is not recorded.
func (k *KMS) GrantExists(ctx context.Context, keyARN, grantID string) (bool, error) {
	_, keyID, ok := strings.Cut(keyARN, ":key/")
	if _, hex := parseHexID(grantID); !ok || !hex {
		return false, nil
	}
	_, err := k.grant(ctx, keyID, grantID)
	if missing(err) {
		return false, nil
	}
	return err == nil, err
}

func errNoGrant(id string) error { return refuse(ErrNotFound, "Grant ID %s not found", id) }

// grantTokenAAD marks tokens of grants among what the token key seals.
const grantTokenAAD = "grant-token"

// grantToken seals the name of a grant. It is no secret: everything is still evaluated.
func (k *KMS) grantToken(keyID, grantID string) (string, error) {
	b, err := k.tokenKey.Seal(k.o.Rand, nil, []byte(keyID+"/"+grantID), []byte(grantTokenAAD))
	return base64.StdEncoding.EncodeToString(b), err
}

func (k *KMS) openGrantToken(token string) (keyID, grantID string, err error) {
	b, err := base64.StdEncoding.DecodeString(token)
	if err == nil {
		b, err = k.tokenKey.Open(nil, b, []byte(grantTokenAAD))
	}
	keyID, grantID, ok := strings.Cut(string(b), "/")
	if err != nil || !ok {
		return "", "", &Error{Kind: ErrInvalidGrantToken}
	}
	return keyID, grantID, nil
}

// checkGrantTokens refuses what is no token. A grant is usable at once everywhere, so
// a token adds nothing to what the evaluation sees.
func (cl *call) checkGrantTokens(tokens []string) error {
	for _, t := range tokens {
		if _, _, err := cl.k.openGrantToken(t); err != nil {
			return err
		}
	}
	return nil
}
