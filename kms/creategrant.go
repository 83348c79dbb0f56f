package kms

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"coffer.example/internal/iam"
)

var (
	principalPattern = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
	grantNamePattern = regexp.MustCompile(`^[a-zA-Z0-9:/_-]+$`)
)

// CreateGrant lets a principal use a key for some operations. A grant with a name is
// made once: the same request again answers the same grant, with a new token.
func (k *KMS) CreateGrant(ctx context.Context, c Caller, in CreateGrantInput) (*CreateGrantOutput, error) {
	return perform(ctx, k, c, "CreateGrant", func(cl *call) (*CreateGrantOutput, error) {
		cl.params = grantParams{KeyID: in.KeyID, GranteePrincipal: in.GranteePrincipal, RetiringPrincipal: in.RetiringPrincipal,
			Operations: in.Operations, Constraints: constraintsOf(in.EncryptionContextEquals, in.EncryptionContextSubset),
			Name: in.Name, DryRun: in.DryRun}
		rec, err := cl.newGrant(&in)
		if err != nil {
			return nil, err
		}
		e, err := cl.authorizeGrant(ctx, &in, rec)
		if err != nil {
			return nil, err
		}
		if err := k.checkGrantPrincipals(ctx, rec); err != nil {
			return nil, err
		}
		if in.DryRun {
			return nil, errDryRun
		}
		id, err := cl.addGrant(ctx, e, rec)
		if err != nil {
			return nil, err
		}
		token, err := k.grantToken(e.ID, id)
		cl.response = map[string]any{"grantId": id, "keyId": e.arn}
		return &CreateGrantOutput{GrantID: id, GrantToken: token}, err
	})
}

func constraintsOf(equals, subset map[string]string) *constraintParams {
	if len(equals) == 0 && len(subset) == 0 {
		return nil
	}
	return &constraintParams{equals, subset}
}

// newGrant validates a request and returns the record that it asks for, without an id.
func (cl *call) newGrant(in *CreateGrantInput) (*grantRecord, error) {
	if err := checkGrant(in); err != nil {
		return nil, err
	}
	rec := &grantRecord{
		Name: in.Name, Grantee: in.GranteePrincipal, Retiring: in.RetiringPrincipal, IssuingAccount: cl.c.Account,
		Operations: slices.Compact(slices.Sorted(slices.Values(in.Operations))),
		Equals:     in.EncryptionContextEquals, Subset: in.EncryptionContextSubset, Created: cl.k.now(),
	}
	var err error
	if rec.GranteeARN, err = normalize(in.GranteePrincipal); err != nil {
		return nil, err
	}
	if in.RetiringPrincipal != "" {
		rec.RetiringARN, err = normalize(in.RetiringPrincipal)
	}
	return rec, err
}

func normalize(principal string) (string, error) {
	arn, err := iam.NormalizePrincipal(principal)
	if err != nil {
		return "", refuse(ErrInvalidArn, "ARN does not refer to a valid principal: %s", principal)
	}
	return arn, nil
}

func checkGrant(in *CreateGrantInput) error {
	var v checks
	v.keyID(in.KeyID)
	v.required("granteePrincipal", in.GranteePrincipal, maxPrincipal)
	v.pattern("granteePrincipal", in.GranteePrincipal, principalPattern, `^[\w+=,.@:/-]+$`)
	v.length("retiringPrincipal", in.RetiringPrincipal, maxPrincipal)
	v.pattern("retiringPrincipal", in.RetiringPrincipal, principalPattern, `^[\w+=,.@:/-]+$`)
	v.length("name", in.Name, maxGrantName)
	v.pattern("name", in.Name, grantNamePattern, "^[a-zA-Z0-9:/_-]+$")
	v.grantTokens(in.GrantTokens)
	if in.Operations == nil {
		v.violate("null ", "operations", "not be null")
	}
	for i, op := range in.Operations {
		v.enum(fmt.Sprintf("operations.%d.member", i+1), op, modelGrantOperations()...)
	}
	if err := v.err(); err != nil {
		return err
	}
	if len(in.Operations) == 0 {
		return refuse(ErrValidation, "Operations must not be empty.")
	}
	if len(in.EncryptionContextEquals) > 0 && len(in.EncryptionContextSubset) > 0 {
		return refuse(ErrValidation, "Only one of EncryptionContextEquals and EncryptionContextSubset may be given.")
	}
	for _, pairs := range []map[string]string{in.EncryptionContextEquals, in.EncryptionContextSubset} {
		if err := checkConstraint(pairs); err != nil {
			return err
		}
	}
	return nil
}

func checkConstraint(pairs map[string]string) error {
	if len(pairs) > maxConstraint {
		return refuse(ErrValidation, "A grant constraint may have at most %d pairs.", maxConstraint)
	}
	for name, value := range pairs {
		if name == "" || len(name) > maxConstraintSize || len(value) > maxConstraintSize {
			return refuse(ErrValidation, "The names and values of a grant constraint may have at most %d characters.", maxConstraintSize)
		}
	}
	_, err := canonicalContext(pairs)
	return err
}

// authorizeGrant finds the key and asks whether the caller may make this very grant.
func (cl *call) authorizeGrant(ctx context.Context, in *CreateGrantInput, rec *grantRecord) (*keyEntry, error) {
	e, _, err := cl.find(ctx, in.KeyID, idsOnly)
	if err != nil {
		return nil, err
	}
	if err := cl.checkGrantTokens(in.GrantTokens); err != nil {
		return nil, err
	}
	child := rec.forEvaluation()
	a := access{action: "CreateGrant", key: e, child: &child, context: rec.Equals, keys: map[string][]string{
		"kms:granteeprincipal": {rec.Grantee},
		"kms:grantoperations":  rec.Operations,
	}}
	if rec.Retiring != "" {
		a.keys["kms:retiringprincipal"] = []string{rec.Retiring}
	}
	switch {
	case len(rec.Equals) > 0:
		a.keys["kms:grantconstrainttype"] = []string{"EncryptionContextEquals"}
	case len(rec.Subset) > 0:
		a.keys["kms:grantconstrainttype"] = []string{"EncryptionContextSubset"}
		a.context = rec.Subset
	}
	if err := cl.authorize(ctx, a); err != nil {
		return nil, err
	}
	rec.Parent = cl.decision.GrantID
	if err := cl.requireState(e, Enabled); err != nil {
		return nil, err
	}
	for _, op := range rec.Operations {
		if !slices.Contains(grantOperations(e.Usage), op) {
			return nil, refuse(ErrValidation, "Grant operation %s is not valid for a key of usage %s.", op, e.Usage)
		}
	}
	if e.Usage == usageMAC && a.context != nil {
		return nil, refuse(ErrValidation, "Grant constraints are valid for symmetric encryption keys only.")
	}
	return e, nil
}
