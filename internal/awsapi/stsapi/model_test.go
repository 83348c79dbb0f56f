package stsapi

import (
	"testing"

	"coffer.example/internal/awsapi/awsapitest"
)

func TestConstraintsAreTheModels(t *testing.T) {
	awsapitest.Constraints{
		Service: New(Options{}), Model: "testdata/model.json", Silent: []string{"Policy", "TokenCode", "ContextAssertion"}, Least: 20,
	}.Check(t)
}
