package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPublicSurface refuses exported identifiers of public packages that name a type
// of internal/: a program outside this module could not write it down.
func TestPublicSurface(t *testing.T) {
	var present []string
	for _, name := range publicPackages {
		if files, _ := filepath.Glob(filepath.Join(root, name, "*.go")); len(files) > 0 {
			present = append(present, name)
		}
	}
	exports := exportData(t, present)
	for _, name := range present {
		pkg := checkPackage(t, name, exports)
		scope := pkg.Scope()
		for _, exported := range scope.Names() {
			object := scope.Lookup(exported)
			if !object.Exported() {
				continue
			}
			for _, leak := range leaksOf(object) {
				t.Errorf("%s.%s names %s", name, exported, leak)
			}
		}
	}
}

// exportData asks the go command for the compiled form of everything the packages
// import. The tag is that of make test, so that nothing is compiled once more.
func exportData(t *testing.T, names []string) map[string]string {
	t.Helper()
	args := []string{"list", "-tags", "invariants", "-export", "-deps", "-json=ImportPath,Export"}
	for _, name := range names {
		args = append(args, "./"+name)
	}
	command := exec.Command("go", args...)
	command.Dir = root
	command.Stderr = os.Stderr
	output, err := command.Output()
	require.NoError(t, err)
	exports := map[string]string{}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var one struct{ ImportPath, Export string }
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return exports
		} else {
			require.NoError(t, err)
		}
		exports[one.ImportPath] = one.Export
	}
}

// checkPackage type-checks one package of this tree from its source.
func checkPackage(t *testing.T, name string, exports map[string]string) *types.Package {
	t.Helper()
	files, dir := token.NewFileSet(), filepath.Join(root, name)
	described, err := build.ImportDir(dir, 0)
	require.NoError(t, err)
	var parsed []*ast.File
	for _, file := range described.GoFiles {
		syntax, err := parser.ParseFile(files, filepath.Join(dir, file), nil, 0)
		require.NoError(t, err)
		parsed = append(parsed, syntax)
	}
	open := func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(exports[path])
	}
	config := types.Config{Importer: importer.ForCompiler(files, "gc", open)}
	pkg, err := config.Check(modulePath+"/"+name, files, parsed, nil)
	require.NoError(t, err)
	return pkg
}

// leaksOf lists the internal types that users of an exported object would have to name.
func leaksOf(object types.Object) []string {
	search := surfaceSearch{seen: map[types.Type]bool{}}
	if named, ok := object.(*types.TypeName); ok {
		search.declaration(named)
	} else {
		search.visit(object.Type())
	}
	slices.Sort(search.leaks)
	return slices.Compact(search.leaks)
}

type surfaceSearch struct {
	seen  map[types.Type]bool
	leaks []string
}

// declaration looks at what an exported type shows: its own form and its exported methods.
func (s *surfaceSearch) declaration(name *types.TypeName) {
	if name.IsAlias() {
		s.visit(types.Unalias(name.Type()))
		return
	}
	s.visit(name.Type().Underlying())
	methods := types.NewMethodSet(types.NewPointer(name.Type()))
	for method := range methods.Methods() {
		if method.Obj().Exported() {
			s.visit(method.Type())
		}
	}
}

func (s *surfaceSearch) visit(at types.Type) {
	if s.seen[at] {
		return
	}
	s.seen[at] = true
	switch at := at.(type) {
	case *types.Alias:
		s.name(at.Obj())
	case *types.Named:
		s.name(at.Obj())
		for arg := range at.TypeArgs().Types() {
			s.visit(arg)
		}
	case *types.Signature:
		s.visit(at.Params())
		s.visit(at.Results())
	case *types.Tuple:
		for v := range at.Variables() {
			s.visit(v.Type())
		}
	case *types.Struct:
		for field := range at.Fields() {
			if field.Exported() {
				s.visit(field.Type())
			}
		}
	case *types.Interface:
		for method := range at.Methods() {
			s.visit(method.Type())
		}
	case *types.Map:
		s.visit(at.Key())
		s.visit(at.Elem())
	case interface{ Elem() types.Type }: // pointer, slice, array, channel
		s.visit(at.Elem())
	}
}

func (s *surfaceSearch) name(name *types.TypeName) {
	if name.Pkg() != nil && strings.HasPrefix(name.Pkg().Path(), modulePath+"/internal/") {
		s.leaks = append(s.leaks, name.Pkg().Path()+"."+name.Name())
	}
}
