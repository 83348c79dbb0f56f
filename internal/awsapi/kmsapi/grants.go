package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

func (a *api) grants() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"CreateGrant":         write(a.createGrant),
		"ListGrants":          read(a.listGrants),
		"ListRetirableGrants": read(a.listRetirableGrants),
		"RetireGrant":         write(a.retireGrant),
		"RevokeGrant":         write(a.revokeGrant),
	}
}

type grantConstraints struct {
	Subset map[string]string `api:"EncryptionContextSubset" json:"EncryptionContextSubset,omitempty"`
	Equals map[string]string `api:"EncryptionContextEquals" json:"EncryptionContextEquals,omitempty"`
}

type createGrantInput struct {
	keyInput
	GranteePrincipal  string            `api:"GranteePrincipal,required" len:"1..256" pattern:"^[\\w+=,.@:/-]+$"`
	RetiringPrincipal string            `api:"RetiringPrincipal" len:"1..256" pattern:"^[\\w+=,.@:/-]+$"`
	Operations        []string          `api:"Operations,required" elem_enum:"Decrypt|Encrypt|GenerateDataKey|GenerateDataKeyWithoutPlaintext|ReEncryptFrom|ReEncryptTo|Sign|Verify|GetPublicKey|CreateGrant|RetireGrant|DescribeKey|GenerateDataKeyPair|GenerateDataKeyPairWithoutPlaintext|GenerateMac|VerifyMac|DeriveSharedSecret"`
	Constraints       *grantConstraints `api:"Constraints"`
	grantTokens
	Name string `api:"Name" len:"1..256" pattern:"^[a-zA-Z0-9:/_-]+$"`
	dryRun
}

type createGrantOutput struct {
	GrantToken string `json:"GrantToken"`
	GrantID    string `json:"GrantId"`
}

func (a *api) createGrant(ctx context.Context, r *awsapi.Request, in *createGrantInput) (any, error) {
	input := kms.CreateGrantInput{
		KeyID: in.KeyID, GranteePrincipal: in.GranteePrincipal, RetiringPrincipal: in.RetiringPrincipal,
		Operations: in.Operations, Name: in.Name, GrantTokens: in.GrantTokens, DryRun: in.DryRun,
	}
	if in.Constraints != nil {
		input.EncryptionContextEquals, input.EncryptionContextSubset = in.Constraints.Equals, in.Constraints.Subset
	}
	out, err := a.kms.CreateGrant(ctx, r.Caller(), input)
	if err != nil {
		return nil, err
	}
	return &createGrantOutput{out.GrantToken, out.GrantID}, nil
}

type grantListEntry struct {
	KeyID             string            `json:"KeyId"`
	GrantID           string            `json:"GrantId"`
	Name              string            `json:"Name"`
	CreationDate      *awsapi.Seconds   `json:"CreationDate,omitempty"`
	GranteePrincipal  string            `json:"GranteePrincipal"`
	RetiringPrincipal string            `json:"RetiringPrincipal,omitempty"`
	IssuingAccount    string            `json:"IssuingAccount"`
	Operations        []string          `json:"Operations"`
	Constraints       *grantConstraints `json:"Constraints,omitempty"`
}

type listGrantsOutput struct {
	Grants []grantListEntry `json:"Grants"`
	next
}

func listGrants(out *kms.ListGrantsOutput) *listGrantsOutput {
	list := make([]grantListEntry, len(out.Grants))
	for i, g := range out.Grants {
		list[i] = grantListEntry{
			KeyID: g.KeyID, GrantID: g.ID, Name: g.Name, CreationDate: seconds(g.Created), GranteePrincipal: g.Grantee,
			RetiringPrincipal: g.Retiring, IssuingAccount: g.IssuingAccount, Operations: g.Operations,
		}
		if g.EncryptionContextEquals != nil || g.EncryptionContextSubset != nil {
			list[i].Constraints = &grantConstraints{Subset: g.EncryptionContextSubset, Equals: g.EncryptionContextEquals}
		}
	}
	return &listGrantsOutput{list, nextOf(out.Next)}
}

type listGrantsInput struct {
	page
	keyInput
	GrantID          string `api:"GrantId" len:"1..128"`
	GranteePrincipal string `api:"GranteePrincipal" len:"1..256" pattern:"^[\\w+=,.@:/-]+$"`
}

func (a *api) listGrants(ctx context.Context, r *awsapi.Request, in *listGrantsInput) (any, error) {
	out, err := a.kms.ListGrants(ctx, r.Caller(), kms.ListGrantsInput{
		KeyID: in.KeyID, GrantID: in.GrantID, GranteePrincipal: in.GranteePrincipal, Page: in.page.input(),
	})
	if err != nil {
		return nil, err
	}
	return listGrants(out), nil
}

type listRetirableGrantsInput struct {
	page
	RetiringPrincipal string `api:"RetiringPrincipal,required" len:"1..256" pattern:"^[\\w+=,.@:/-]+$"`
}

func (a *api) listRetirableGrants(ctx context.Context, r *awsapi.Request, in *listRetirableGrantsInput) (any, error) {
	out, err := a.kms.ListRetirableGrants(ctx, r.Caller(), kms.ListRetirableGrantsInput{
		RetiringPrincipal: in.RetiringPrincipal, Page: in.page.input(),
	})
	if err != nil {
		return nil, err
	}
	return listGrants(out), nil
}

type retireGrantInput struct {
	GrantToken string `api:"GrantToken,sensitive" len:"1..8192"`
	KeyID      string `api:"KeyId" len:"1..2048"`
	GrantID    string `api:"GrantId" len:"1..128"`
	dryRun
}

func (a *api) retireGrant(ctx context.Context, r *awsapi.Request, in *retireGrantInput) (any, error) {
	return nil, a.kms.RetireGrant(ctx, r.Caller(), kms.RetireGrantInput{
		GrantToken: in.GrantToken, KeyID: in.KeyID, GrantID: in.GrantID, DryRun: in.DryRun,
	})
}

type revokeGrantInput struct {
	keyInput
	GrantID string `api:"GrantId,required" len:"1..128"`
	dryRun
}

func (a *api) revokeGrant(ctx context.Context, r *awsapi.Request, in *revokeGrantInput) (any, error) {
	return nil, a.kms.RevokeGrant(ctx, r.Caller(), kms.RevokeGrantInput{KeyID: in.KeyID, GrantID: in.GrantID, DryRun: in.DryRun})
}
