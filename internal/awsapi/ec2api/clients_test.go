package ec2api_test

import (
	_ "embed"
	"strings"
	"testing"

	"coffer.example/internal/ec2/ec2test"
	"github.com/stretchr/testify/require"
)

//go:embed testdata/waiters.py
var waiters string

func TestWaitersAndPaginators(t *testing.T) {
	serve(t, ec2test.New(t)).Boto3(t, waiters).Succeed(t)
}

func TestCLI(t *testing.T) {
	aws := serve(t, ec2test.New(t))
	volume := aws.Query(t, "VolumeId", "ec2", "create-volume", "--availability-zone", ec2test.Region+"a", "--size", "1", "--encrypted", "--kms-key-id", "k1",
		"--tag-specifications", "ResourceType=volume,Tags=[{Key=Name,Value=cli}]")
	require.True(t, strings.HasPrefix(volume, "vol-"), volume)
	require.Equal(t, "available\tTrue\tcli", aws.Query(t, "Volumes[0].[State,Encrypted,Tags[0].Value]", "ec2", "describe-volumes", "--filters", "Name=tag:Name,Values=c?i"))
	require.Regexp(t, `An error occurred \(InvalidVolume.NotFound\) when calling the DeleteVolume operation.*: The volume 'vol-0123456789abcdef0' does not exist\.`,
		aws.Fail(t, "ec2", "delete-volume", "--volume-id", "vol-0123456789abcdef0"), "version 2 of the CLI mentions its retries")
	require.Contains(t, aws.Fail(t, "ec2", "create-vpc", "--cidr-block", "10.0.0.0/16"), "(InvalidAction)")
}
