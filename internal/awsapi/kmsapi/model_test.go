package kmsapi

import (
	"testing"

	"coffer.example/internal/awsapi/awsapitest"
)

func TestConstraintsAreTheModels(t *testing.T) {
	awsapitest.Constraints{
		Service: New(nil), Model: "testdata/model.json", Skip: outOfScope, Silent: []string{"GrantTokens", "GrantToken", "Marker"}, Least: 150,
	}.Check(t)
}
