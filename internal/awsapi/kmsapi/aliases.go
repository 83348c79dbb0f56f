package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

func (a *api) aliases() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"CreateAlias": write(a.createAlias),
		"UpdateAlias": write(a.updateAlias),
		"DeleteAlias": write(a.deleteAlias),
		"ListAliases": read(a.listAliases),
	}
}

type aliasName struct {
	AliasName string `api:"AliasName,required" len:"1..256" pattern:"^[a-zA-Z0-9:/_-]+$"`
}

type aliasInput struct {
	aliasName
	TargetKeyID string `api:"TargetKeyId,required" len:"1..2048"`
}

func (a *api) createAlias(ctx context.Context, r *awsapi.Request, in *aliasInput) (any, error) {
	return nil, a.kms.CreateAlias(ctx, r.Caller(), kms.AliasInput{AliasName: in.AliasName, TargetKeyID: in.TargetKeyID})
}

func (a *api) updateAlias(ctx context.Context, r *awsapi.Request, in *aliasInput) (any, error) {
	return nil, a.kms.UpdateAlias(ctx, r.Caller(), kms.AliasInput{AliasName: in.AliasName, TargetKeyID: in.TargetKeyID})
}

func (a *api) deleteAlias(ctx context.Context, r *awsapi.Request, in *aliasName) (any, error) {
	return nil, a.kms.DeleteAlias(ctx, r.Caller(), kms.AliasInput{AliasName: in.AliasName})
}

type listAliasesInput struct {
	KeyID string `api:"KeyId" len:"1..2048"`
	page
}

type aliasListEntry struct {
	AliasName       string          `json:"AliasName"`
	AliasARN        string          `json:"AliasArn"`
	TargetKeyID     string          `json:"TargetKeyId,omitempty"`
	CreationDate    *awsapi.Seconds `json:"CreationDate,omitempty"`
	LastUpdatedDate *awsapi.Seconds `json:"LastUpdatedDate,omitempty"`
}

type listAliasesOutput struct {
	Aliases []aliasListEntry `json:"Aliases"`
	next
}

func (a *api) listAliases(ctx context.Context, r *awsapi.Request, in *listAliasesInput) (any, error) {
	out, err := a.kms.ListAliases(ctx, r.Caller(), kms.ListAliasesInput{KeyID: in.KeyID, Page: in.page.input()})
	if err != nil {
		return nil, err
	}
	list := make([]aliasListEntry, len(out.Aliases))
	for i, alias := range out.Aliases {
		list[i] = aliasListEntry{alias.Name, alias.ARN, alias.TargetKeyID, seconds(alias.Created), seconds(alias.LastUpdated)}
	}
	return &listAliasesOutput{list, nextOf(out.Next)}, nil
}
