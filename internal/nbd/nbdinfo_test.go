package nbd

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNbdinfo(t *testing.T) {
	frozen := newMemoryExport(1 << 20)
	frozen.readOnly = true
	s := start(t, Options{}, nil, map[string]Export{"vol": newMemoryExport(8 << 20), "frozen": frozen})

	t.Run("can", func(t *testing.T) {
		for _, what := range []string{"flush", "fua", "trim", "zero", "fast-zero", "df", "cache", "multi-conn", "write", "structured-reply", "connect"} {
			_, stderr, status := client(t, "nbdinfo", "--can", what, s.uri("vol"))
			require.Zero(t, status, "can %s: %s", what, stderr)
		}
		for _, what := range []string{"trim", "zero", "fast-zero", "write"} {
			_, stderr, status := client(t, "nbdinfo", "--can", what, s.uri("frozen"))
			require.Equal(t, 2, status, "can %s on a read-only export: %s", what, stderr)
		}
	})
	t.Run("is", func(t *testing.T) {
		for _, what := range []string{"read-only", "rotational", "tls"} {
			_, stderr, status := client(t, "nbdinfo", "--is", what, s.uri("vol"))
			require.Equal(t, 2, status, "is %s: %s", what, stderr)
		}
		succeed(t, "nbdinfo", "--is", "read-only", s.uri("frozen"))
	})
	t.Run("json", func(t *testing.T) {
		var info struct {
			Exports []struct {
				Name        string `json:"export-name"`
				Description string
				Contexts    []string
				Size        int64 `json:"export-size"`
				Minimum     int64 `json:"block_size_minimum"`
				Preferred   int64 `json:"block_size_preferred"`
				Maximum     int64 `json:"block_size_maximum"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(succeed(t, "nbdinfo", "--json", "--list", s.uri(""))), &info))
		require.Len(t, info.Exports, 2)
		require.Equal(t, "frozen", info.Exports[0].Name)
		require.Equal(t, "memory of vol", info.Exports[1].Description)
		require.Equal(t, []string{"base:allocation"}, info.Exports[1].Contexts)
		require.EqualValues(t, 8<<20, info.Exports[1].Size)
		require.EqualValues(t, 1, info.Exports[1].Minimum)
		require.EqualValues(t, 4096, info.Exports[1].Preferred)
		require.EqualValues(t, 32<<20, info.Exports[1].Maximum)
	})
	t.Run("unknown export", func(t *testing.T) {
		_, _, status := client(t, "nbdinfo", "--size", s.uri("other"))
		require.Equal(t, 1, status)
	})
	require.Equal(t, "8388608\n", succeed(t, "nbdinfo", "--size", s.uri("")), "default export")
}
