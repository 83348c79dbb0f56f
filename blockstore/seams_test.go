package blockstore

import "flag"

// brokenRule makes the suites run with a rule left out; TestBrokenRules expects them to fail then.
var brokenRule = flag.String("broken.rule", "", "ordering rule that the engine leaves out")

func testSeams() seams { return seams{broken: rule(*brokenRule)} }
