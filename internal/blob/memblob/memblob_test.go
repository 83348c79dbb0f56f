package memblob

import (
	"testing"

	"coffer.example/internal/blob"
	"coffer.example/internal/blob/blobtest"
)

func TestConformance(t *testing.T) {
	blobtest.Run(t, func(*testing.T) blob.Store { return New() })
}
