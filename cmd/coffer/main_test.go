package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"coffer.example/internal/testkit"
)

// TestMain makes the test binary stand in for coffer wherever a test runs it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"coffer": main})
}

func TestScripts(t *testing.T) { testkit.Scripts(t, "testdata/script") }
