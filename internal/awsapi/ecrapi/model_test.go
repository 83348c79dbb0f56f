package ecrapi_test

import (
	"testing"

	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/awsapi/ecrapi"
	"coffer.example/internal/ecr/ecrtest"
)

func TestConstraintsAreTheModels(t *testing.T) {
	w := ecrtest.New(t)
	awsapitest.Constraints{
		Service: ecrapi.New(ecrapi.Options{Service: w.Start(), Tokens: w.Keys.TokenKey()}), Model: "testdata/model.json", Least: 100,
	}.Check(t)
}
