package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

func (a *api) macs() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"GenerateMac": read(a.generateMac),
		"VerifyMac":   read(a.verifyMac),
	}
}

type macMembers struct {
	Message      []byte `api:"Message,required,sensitive" len:"1..4096"`
	KeyID        string `api:"KeyId,required" len:"1..2048"`
	MacAlgorithm string `api:"MacAlgorithm,required" enum:"HMAC_SHA_224|HMAC_SHA_256|HMAC_SHA_384|HMAC_SHA_512"`
}

type generateMacInput struct {
	macMembers
	grantTokens
	dryRun
}

type generateMacOutput struct {
	Mac          []byte `json:"Mac"`
	MacAlgorithm string `json:"MacAlgorithm"`
	KeyID        string `json:"KeyId"`
}

func (a *api) generateMac(ctx context.Context, r *awsapi.Request, in *generateMacInput) (any, error) {
	out, err := a.kms.GenerateMac(ctx, r.Caller(), kms.MacInput{
		KeyID: in.KeyID, Message: in.Message, MacAlgorithm: in.MacAlgorithm, GrantTokens: in.GrantTokens, DryRun: in.DryRun,
	})
	if err != nil {
		return nil, err
	}
	return &generateMacOutput{out.Mac, out.MacAlgorithm, out.KeyARN}, nil
}

type verifyMacInput struct {
	macMembers
	Mac []byte `api:"Mac,required" len:"1..6144"`
	grantTokens
	dryRun
}

type verifyMacOutput struct {
	KeyID        string `json:"KeyId"`
	MacValid     bool   `json:"MacValid"`
	MacAlgorithm string `json:"MacAlgorithm"`
}

func (a *api) verifyMac(ctx context.Context, r *awsapi.Request, in *verifyMacInput) (any, error) {
	out, err := a.kms.VerifyMac(ctx, r.Caller(), kms.VerifyMacInput{Mac: in.Mac, MacInput: kms.MacInput{
		KeyID: in.KeyID, Message: in.Message, MacAlgorithm: in.MacAlgorithm, GrantTokens: in.GrantTokens, DryRun: in.DryRun,
	}})
	if err != nil {
		return nil, err
	}
	return &verifyMacOutput{out.KeyARN, out.MacValid, out.MacAlgorithm}, nil
}
