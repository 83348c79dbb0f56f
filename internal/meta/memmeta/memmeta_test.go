package memmeta_test

import (
	"testing"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/memmeta"
	"coffer.example/internal/meta/metatest"
)

func TestConformance(t *testing.T) {
	metatest.Run(t, func(*testing.T) meta.Store { return memmeta.New() })
}
