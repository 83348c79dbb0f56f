package lint

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// pureConstructors make values that nothing changes afterwards.
var pureConstructors = map[string]bool{
	"errors.New": true, "fmt.Errorf": true, "regexp.MustCompile": true, "strings.NewReplacer": true,
	"netip.MustParsePrefix": true, "netip.MustParseAddr": true, "crc32.MakeTable": true, "big.NewInt": true,
	"base64.NewEncoding": true, "base32.NewEncoding": true, "hex.DecodeString": true, "time.Date": true,
}

// TestNoPackageState refuses package-level variables that can change: those without a
// value, those whose value is not a literal, a conversion or a pure constructor, and
// those that some function of the package assigns to.
func TestNoPackageState(t *testing.T) {
	all, excused := readTree(t), newWaivers(mutableVars)
	names := map[string]map[string]bool{} // package directory -> its package-level variables
	for _, file := range all.all {
		if file.test || withinAny(file.dir, testOnly) {
			continue
		}
		eachVariable(file, func(spec *ast.ValueSpec) {
			for i, name := range spec.Names {
				if name.Name == "_" || embedded(file, spec) {
					continue
				}
				if names[file.dir] == nil {
					names[file.dir] = map[string]bool{}
				}
				names[file.dir][name.Name] = true
				fixed := i < len(spec.Values) && (isFixed(spec.Values[i]) || isSentinel(name.Name))
				if !fixed && !excused.excuse(file.path, name.Name) {
					t.Errorf("%s: package-level variable %s may change", all.line(file, name), name.Name)
				}
			}
		})
	}
	for _, file := range all.all {
		if file.test {
			continue
		}
		eachAssignment(file, func(name *ast.Ident) {
			if names[file.dir][name.Name] && isPackageLevel(file, name) && !excused.excuse(file.path, name.Name) {
				t.Errorf("%s: assignment to package-level variable %s", all.line(file, name), name.Name)
			}
		})
	}
	excused.checkUsed(t)
}

func eachVariable(file source, visit func(*ast.ValueSpec)) {
	for _, decl := range file.syntax.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			visit(spec.(*ast.ValueSpec))
		}
	}
}

// embedded says whether a go:embed directive gives the variable its value.
func embedded(file source, spec *ast.ValueSpec) bool {
	for _, group := range file.syntax.Comments {
		for _, comment := range group.List {
			if len(comment.Text) > 10 && comment.Text[:10] == "//go:embed" && comment.End() < spec.Pos() && spec.Pos()-comment.End() < 8 {
				return true
			}
		}
	}
	return false
}

// isSentinel says whether a variable is an error by its name: whatever makes its value, nothing changes it.
func isSentinel(name string) bool {
	return strings.HasPrefix(name, "Err") || strings.HasPrefix(name, "err")
}

// isFixed accepts the expressions that make a value once: literals, operators on
// them, names, conversions, function literals and calls of pure constructors.
func isFixed(value ast.Expr) bool {
	switch value := value.(type) {
	case *ast.CompositeLit, *ast.BasicLit, *ast.Ident, *ast.SelectorExpr, *ast.FuncLit:
		return true
	case *ast.ParenExpr:
		return isFixed(value.X)
	case *ast.BinaryExpr:
		return isFixed(value.X) && isFixed(value.Y)
	case *ast.CallExpr:
		return isPureCall(value)
	}
	return false
}

func isPureCall(call *ast.CallExpr) bool {
	switch fn := call.Fun.(type) {
	case *ast.ArrayType:
		return true // a conversion such as []byte("…")
	case *ast.Ident:
		return fn.Name == "len" || fn.Name == "string"
	case *ast.SelectorExpr:
		on, ok := fn.X.(*ast.Ident)
		return ok && pureConstructors[on.Name+"."+fn.Sel.Name]
	}
	return false
}

func eachAssignment(file source, visit func(*ast.Ident)) {
	ast.Inspect(file.syntax, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.AssignStmt:
			if node.Tok != token.DEFINE {
				for _, target := range node.Lhs {
					visitBase(target, visit)
				}
			}
		case *ast.IncDecStmt:
			visitBase(node.X, visit)
		case *ast.UnaryExpr:
			// The address of an element may be a reader's shortcut; that of the whole is a writer's.
			if whole, ok := node.X.(*ast.Ident); ok && node.Op == token.AND {
				visit(whole)
			}
		}
		return true
	})
}

// visitBase calls visit with the variable that an assignment target starts from.
func visitBase(target ast.Expr, visit func(*ast.Ident)) {
	for {
		switch at := target.(type) {
		case *ast.Ident:
			visit(at)
			return
		case *ast.IndexExpr:
			target = at.X
		case *ast.SelectorExpr:
			target = at.X
		case *ast.ParenExpr:
			target = at.X
		case *ast.StarExpr:
			target = at.X
		default:
			return
		}
	}
}

// isPackageLevel uses the parser's own resolution: names of another file of the
// package stay unresolved, names of this file are in its scope.
func isPackageLevel(file source, name *ast.Ident) bool {
	return name.Obj == nil || file.syntax.Scope.Lookup(name.Name) == name.Obj
}
