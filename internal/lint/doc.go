// Package lint holds the rules of this tree as tests: which package may import which
// (tree_rules.go states it as data), which habits are not allowed anywhere, and what
// the top level holds. The tests read files with go/parser, so that the test cache
// sees every file they judge. Nothing imports this package.
//
// An exception is a line in one of the lists here, with its reason; a line that no
// longer excuses anything fails the tests too.
package lint
