package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
)

func (a *api) usage() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{"GetKeyLastUsage": read(a.getKeyLastUsage)}
}

// keyLastUsageData is empty for a key that was not used.
type keyLastUsageData struct {
	Operation         string          `json:"Operation,omitempty"`
	Timestamp         *awsapi.Seconds `json:"Timestamp,omitempty"`
	CloudTrailEventID string          `json:"CloudTrailEventId,omitempty"`
	KMSRequestID      string          `json:"KmsRequestId,omitempty"`
}

type getKeyLastUsageOutput struct {
	KeyID             string           `json:"KeyId"`
	KeyLastUsage      keyLastUsageData `json:"KeyLastUsage"`
	TrackingStartDate *awsapi.Seconds  `json:"TrackingStartDate,omitempty"`
	KeyCreationDate   *awsapi.Seconds  `json:"KeyCreationDate,omitempty"`
}

func (a *api) getKeyLastUsage(ctx context.Context, r *awsapi.Request, in *keyInput) (any, error) {
	u, err := a.kms.GetKeyLastUsage(ctx, r.Caller(), in.input())
	if err != nil {
		return nil, err
	}
	return &getKeyLastUsageOutput{
		u.KeyID, keyLastUsageData{u.Operation, seconds(u.Time), u.EventID, u.RequestID}, seconds(u.TrackingStart), seconds(u.Created),
	}, nil
}
