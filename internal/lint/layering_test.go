package lint

import (
	"strconv"
	"strings"
	"testing"
)

// layerOf returns the layer of a package of this tree and the name it goes by there.
func layerOf(dir string) (int, string) {
	for i, layer := range layers {
		for _, name := range layer {
			if within(dir, name) {
				return i, name
			}
		}
	}
	return -1, ""
}

func importsOf(file source) []string {
	var paths []string
	for _, spec := range file.syntax.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

func TestImportDirection(t *testing.T) {
	for _, file := range readTree(t).all {
		own, ownName := layerOf(file.dir)
		if own < 0 && !withinAny(file.dir, testOnly) {
			t.Errorf("%s: package %s has no place in the import direction", file.path, file.dir)
		}
		for _, imported := range importsOf(file) {
			dir, ours := strings.CutPrefix(imported, modulePath+"/")
			if !ours || file.test || withinAny(file.dir, testOnly) {
				continue
			}
			if withinAny(dir, testOnly) {
				t.Errorf("%s imports %s, which is for tests", file.path, dir)
			}
			other, otherName := layerOf(dir)
			if other >= own && otherName != ownName {
				t.Errorf("%s imports %s, which does not stand before %s", file.path, dir, ownName)
			}
		}
	}
}

func TestOneOwnerPerDependency(t *testing.T) {
	for _, file := range readTree(t).all {
		for _, imported := range importsOf(file) {
			for _, rule := range owners {
				if !rule.governs(imported) || rule.allows(file) {
					continue
				}
				t.Errorf("%s imports %s, which only %s may (%s)", file.path, imported, strings.Join(rule.allowed, ", "), rule.reason)
			}
		}
	}
}

func (o owner) governs(imported string) bool {
	return imported == o.imports || strings.HasSuffix(o.imports, "/") && strings.HasPrefix(imported, o.imports)
}

// allows says whether a file may use the dependency: it is listed itself or lies in a
// listed package, or it is a test in the package of a listed file, or a test helper.
func (o owner) allows(file source) bool {
	if o.inTests && file.test || withinAny(file.dir, testOnly) || withinAny(file.path, o.allowed) {
		return true
	}
	for _, allowed := range o.allowed {
		if file.test && strings.HasSuffix(allowed, ".go") && within(allowed, file.dir) {
			return true
		}
	}
	return false
}

func TestNothingHappensByImport(t *testing.T) {
	all := readTree(t)
	for _, file := range all.all {
		for _, decl := range file.syntax.Decls {
			if fn, ok := asFunc(decl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init; do it where the caller asks for it", all.line(file, fn))
			}
		}
	}
}
