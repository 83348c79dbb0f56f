package lint

import (
	"go/ast"
	"strings"
	"testing"
)

func asFunc(decl ast.Decl) (*ast.FuncDecl, bool) {
	fn, ok := decl.(*ast.FuncDecl)
	return fn, ok
}

// called returns X and f of a call X.f(…) on a plain identifier.
func called(node ast.Node) (string, string, bool) {
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return "", "", false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", "", false
	}
	on, ok := selector.X.(*ast.Ident)
	if !ok {
		return "", "", false
	}
	return on.Name, selector.Sel.Name, true
}

func TestOnlyCommandsExit(t *testing.T) {
	all, excused := readTree(t), newWaivers(exitFiles)
	for _, file := range all.all {
		if within(file.dir, "cmd") || file.test {
			continue
		}
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			on, name, ok := called(node)
			ends := ok && (on == "os" && name == "Exit" || on == "log" && (strings.HasPrefix(name, "Fatal") || strings.HasPrefix(name, "Panic")))
			if ends && !excused.excuse(file.path, "") {
				t.Errorf("%s: %s.%s outside cmd", all.line(file, node), on, name)
			}
			return true
		})
	}
	excused.checkUsed(t)
}

func TestNoSkippedTests(t *testing.T) {
	all, excused := readTree(t), newWaivers(skipFiles)
	for _, file := range all.all {
		if !file.test && !withinAny(file.dir, testOnly) {
			continue
		}
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			on, name, ok := called(node)
			skips := ok && (name == "Skip" || name == "Skipf" || name == "SkipNow")
			if skips && !excused.excuse(file.path, "") {
				t.Errorf("%s: %s.%s; a test that cannot run fails", all.line(file, node), on, name)
			}
			return true
		})
	}
	excused.checkUsed(t)
}

func TestNoWeakRandomness(t *testing.T) {
	excused := newWaivers(randFiles)
	for _, file := range readTree(t).all {
		if file.test || withinAny(file.dir, testOnly) || within(file.dir, "bench") {
			continue
		}
		for _, imported := range importsOf(file) {
			if within(imported, "math/rand") && !excused.excuse(file.path, "") {
				t.Errorf("%s imports %s; keys, nonces and tokens come from crypto/rand", file.path, imported)
			}
		}
	}
	excused.checkUsed(t)
}

func TestNoUnsafe(t *testing.T) {
	all, excused := readTree(t), newWaivers(unsafeFiles)
	for _, file := range all.all {
		for _, imported := range importsOf(file) {
			if imported == "unsafe" && !excused.excuse(file.path, "") {
				t.Errorf("%s imports unsafe", file.path)
			}
		}
		for _, group := range file.syntax.Comments {
			for _, comment := range group.List {
				if strings.HasPrefix(comment.Text, "//go:linkname") && !excused.excuse(file.path, "") {
					t.Errorf("%s: go:linkname", all.line(file, comment))
				}
			}
		}
	}
	excused.checkUsed(t)
}

func TestEveryPackageOpensWithAComment(t *testing.T) {
	documented := map[string]bool{}
	for _, file := range readTree(t).all {
		if !file.test {
			documented[file.dir] = documented[file.dir] || file.syntax.Doc != nil
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}
