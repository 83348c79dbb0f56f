package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// source is one parsed Go file of the tree.
type source struct {
	path   string // slash-separated, from the root of the tree
	dir    string
	test   bool
	syntax *ast.File
}

type tree struct {
	files *token.FileSet
	all   []source
}

// parseTree reads every Go file once for all tests of the package.
var parseTree = sync.OnceValues(func() (tree, error) {
	result := tree{files: token.NewFileSet()}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			if rel != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || rel == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		syntax, err := parser.ParseFile(result.files, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		result.all = append(result.all, source{
			path: rel, dir: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), syntax: syntax,
		})
		return nil
	})
	return result, err
})

func readTree(t *testing.T) tree {
	t.Helper()
	all, err := parseTree()
	require.NoError(t, err)
	require.NotEmpty(t, all.all)
	return all
}

// line names the place of a node for a failure message.
func (all tree) line(file source, node ast.Node) string {
	at := all.files.Position(node.Pos())
	return fmt.Sprintf("%s:%d", file.path, at.Line)
}

// within says whether a package or file path is name or lies below it.
func within(p, name string) bool {
	return p == name || strings.HasPrefix(p, name+"/")
}

func withinAny(p string, names []string) bool {
	for _, name := range names {
		if within(p, name) {
			return true
		}
	}
	return false
}

// waivers answers whether a list excuses a place, and which of its lines never did.
type waivers struct {
	list []waiver
	used []bool
}

func newWaivers(list []waiver) *waivers { return &waivers{list: list, used: make([]bool, len(list))} }

func (w *waivers) excuse(file, name string) bool {
	for i, one := range w.list {
		if one.file == file && (one.name == "" || one.name == name) {
			w.used[i] = true
			return true
		}
	}
	return false
}

func (w *waivers) checkUsed(t *testing.T) {
	t.Helper()
	for i, one := range w.list {
		if !w.used[i] {
			t.Errorf("the exception for %s %s (%s) excuses nothing; remove it", one.file, one.name, one.reason)
		}
		if one.reason == "" {
			t.Errorf("the exception for %s %s gives no reason", one.file, one.name)
		}
	}
}
