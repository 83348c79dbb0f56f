package lint

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, ".") && !slices.Contains(topLevel, name) {
			t.Errorf("%s does not belong at the top level", name)
		}
	}
}

// TestNoStrayFiles: below the top level there is source, and testdata.
func TestNoStrayFiles(t *testing.T) {
	for _, top := range topLevel {
		info, err := os.Stat(filepath.Join(root, top))
		if err != nil || !info.IsDir() || top == "bin" {
			continue
		}
		err = filepath.WalkDir(filepath.Join(root, top), func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "testdata":
				return filepath.SkipDir
			case !entry.IsDir() && !slices.Contains(sourceKinds, filepath.Ext(name)):
				t.Errorf("%s is not source; a test or tool left it behind", name)
			}
			return nil
		})
		require.NoError(t, err)
	}
}

func TestFormatted(t *testing.T) {
	all := readTree(t)
	args := []string{"-l"}
	for _, file := range all.all {
		args = append(args, filepath.Join(root, file.path))
	}
	output, err := exec.Command("gofmt", args...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Empty(t, string(output), "gofmt would change these")
}

// TestReadmeNamesDependencies: each module that our code imports has its line.
func TestReadmeNamesDependencies(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	modules := requiredModules(t)
	direct := map[string]bool{}
	for _, file := range readTree(t).all {
		for _, imported := range importsOf(file) {
			for _, module := range modules {
				if within(imported, module) {
					direct[module] = true
				}
			}
		}
	}
	for module := range direct {
		if !strings.Contains(string(readme), "`"+module+"`") {
			t.Errorf("README.md does not say why %s is needed", module)
		}
	}
}

// TestReadmeNamesFilesThatExist keeps the reader's entry points true.
func TestReadmeNamesFilesThatExist(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	paths := regexp.MustCompile("`([a-z0-9/]+/[a-z0-9_]+\\.go)`").FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		_, err := os.Stat(filepath.Join(root, path[1]))
		require.NoError(t, err)
	}
}

func requiredModules(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	var modules []string
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") {
			modules = append(modules, fields[0])
		}
	}
	require.NotEmpty(t, modules)
	return modules
}
