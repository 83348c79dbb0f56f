package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

func (a *api) rotation() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"EnableKeyRotation":    write(a.enableKeyRotation),
		"DisableKeyRotation":   write(a.disableKeyRotation),
		"GetKeyRotationStatus": read(a.getKeyRotationStatus),
		"RotateKeyOnDemand":    write(a.rotateKeyOnDemand),
		"ListKeyRotations":     read(a.listKeyRotations),
	}
}

type enableKeyRotationInput struct {
	keyInput
	RotationPeriodInDays *int `api:"RotationPeriodInDays" range:"90..2560"`
}

func (a *api) enableKeyRotation(ctx context.Context, r *awsapi.Request, in *enableKeyRotationInput) (any, error) {
	return nil, a.kms.EnableKeyRotation(ctx, r.Caller(), kms.EnableKeyRotationInput{
		KeyID: in.KeyID, RotationPeriodInDays: in.RotationPeriodInDays,
	})
}

func (a *api) disableKeyRotation(ctx context.Context, r *awsapi.Request, in *keyInput) (any, error) {
	return nil, a.kms.DisableKeyRotation(ctx, r.Caller(), in.input())
}

type getKeyRotationStatusOutput struct {
	KeyRotationEnabled   bool            `json:"KeyRotationEnabled"`
	KeyID                string          `json:"KeyId"`
	RotationPeriodInDays int             `json:"RotationPeriodInDays,omitempty"`
	NextRotationDate     *awsapi.Seconds `json:"NextRotationDate,omitempty"`
}

func (a *api) getKeyRotationStatus(ctx context.Context, r *awsapi.Request, in *keyInput) (any, error) {
	s, err := a.kms.GetKeyRotationStatus(ctx, r.Caller(), in.input())
	if err != nil {
		return nil, err
	}
	return &getKeyRotationStatusOutput{s.Enabled, s.KeyID, s.PeriodDays, seconds(s.Next)}, nil
}

func (a *api) rotateKeyOnDemand(ctx context.Context, r *awsapi.Request, in *keyInput) (any, error) {
	id, err := a.kms.RotateKeyOnDemand(ctx, r.Caller(), in.input())
	if err != nil {
		return nil, err
	}
	return &keyIDOutput{id}, nil
}

type listKeyRotationsInput struct {
	keyInput
	IncludeKeyMaterial string `api:"IncludeKeyMaterial" enum:"ALL_KEY_MATERIAL|ROTATIONS_ONLY"`
	page
}

type rotationsListEntry struct {
	KeyID                  string          `json:"KeyId"`
	KeyMaterialID          string          `json:"KeyMaterialId,omitempty"`
	KeyMaterialDescription string          `json:"KeyMaterialDescription,omitempty"`
	ImportState            string          `json:"ImportState,omitempty"`
	KeyMaterialState       string          `json:"KeyMaterialState,omitempty"`
	ExpirationModel        string          `json:"ExpirationModel,omitempty"`
	ValidTo                *awsapi.Seconds `json:"ValidTo,omitempty"`
	RotationDate           *awsapi.Seconds `json:"RotationDate,omitempty"`
	RotationType           string          `json:"RotationType,omitempty"`
}

type listKeyRotationsOutput struct {
	Rotations []rotationsListEntry `json:"Rotations"`
	next
}

func (a *api) listKeyRotations(ctx context.Context, r *awsapi.Request, in *listKeyRotationsInput) (any, error) {
	out, err := a.kms.ListKeyRotations(ctx, r.Caller(), kms.ListKeyRotationsInput{
		KeyID: in.KeyID, IncludeKeyMaterial: in.IncludeKeyMaterial, Page: in.page.input(),
	})
	if err != nil {
		return nil, err
	}
	list := make([]rotationsListEntry, len(out.Rotations))
	for i, m := range out.Rotations {
		list[i] = rotationsListEntry{
			KeyID: m.KeyID, KeyMaterialID: m.MaterialID, KeyMaterialDescription: m.Description, ImportState: m.ImportState,
			KeyMaterialState: m.MaterialState, ExpirationModel: m.ExpirationModel, ValidTo: seconds(m.ValidTo),
			RotationDate: seconds(m.Date), RotationType: m.Type,
		}
	}
	return &listKeyRotationsOutput{list, nextOf(out.Next)}, nil
}
