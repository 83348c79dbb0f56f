package rds

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What parses as an ARN of this service is that ARN, but for the case of its name, and makes a key of one resource.
func FuzzARN(f *testing.F) {
	for _, arn := range []string{
		DatabaseARN("us-east-1", "111122223333", Cluster, "main"), SnapshotARN("us-east-1", "111122223333", Instance, "rds:main-2026-03-01-14-00"),
		"arn:aws:rds:us-east-1:111122223333:cluster:Main", "arn:aws:rds:us-east-1:111122223333:cluster:", "arn:aws:rds:::cluster:x",
		"arn:aws:rds:us-east-1:111122223333:cluster:a/b", "arn:aws:kms:us-east-1:111122223333:key/x", "", "::::::", "arn:aws:rds:a:b:c:d:e:f",
	} {
		f.Add(arn)
	}
	f.Fuzz(func(t *testing.T, arn string) {
		at, ok := parseARN(arn)
		if !ok {
			return
		}
		again := "arn:aws:rds:" + at.region + ":" + at.account + ":" + at.resource + ":" + at.name
		require.True(t, strings.ToLower(arn) == strings.ToLower(again), "%q %q", arn, again)
		for _, key := range []string{databaseKey(at.region, at.account, Cluster, at.name), snapshotKey(at.region, at.account, Cluster, at.name)} {
			require.Equal(t, 5, strings.Count(key, "/"), key)
		}
	})
}

// A name that is accepted is kept in lower case, is a single part of a key, and stays the same when it is checked again.
func FuzzName(f *testing.F) {
	for _, name := range []string{"main", "Main-1", "1x", "a--b", "a-", "a/b", "é", strings.Repeat("a", 64), ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		kept, err := checkName("Name", name, maxName)
		if err != nil {
			return
		}
		require.True(t, strings.EqualFold(name, kept))
		require.Regexp(t, "^[a-z](-?[a-z0-9])*$", kept)
		again, err := checkName("Name", kept, maxName)
		require.NoError(t, err)
		require.Equal(t, kept, again)
	})
}
