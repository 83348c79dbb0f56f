package stsapi

import (
	"testing"

	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

func serve(t *testing.T) testkit.AWS { return awsapitest.Serve(t, awsapitest.Front(New())) }

func TestScripts(t *testing.T) { awsapitest.Scripts(t, "testdata", serve) }

func TestCLI(t *testing.T) {
	aws := serve(t)
	require.Equal(t, "111122223333\tarn:aws:iam::111122223333:root", aws.Query(t, "[Account,Arn]", "sts", "get-caller-identity"))
	require.Contains(t, aws.Fail(t, "sts", "get-session-token"), "An error occurred (InvalidAction) when calling the GetSessionToken operation")
}
