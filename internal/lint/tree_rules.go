package lint

const modulePath = "coffer.example"

// layers is the import direction: a package imports only packages of layers above
// its own, and its own subtree. A name stands for the package and everything below it.
var layers = [][]string{
	{"internal/invariants", "internal/binfmt", "internal/namelock", "internal/uring"},
	{"aead"},
	{"internal/meta", "internal/blob"},
	{"internal/iam", "internal/audit"},
	{"kms"},
	{"blockstore"},
	{"snapshot"},
	{"internal/ec2", "internal/rds", "internal/ecr"},
	{"internal/nbd", "internal/awsapi", "internal/metrics", "bench"},
	{"cmd"},
}

// testOnly are the packages that only test files (and each other) import.
var testOnly = []string{"internal/testkit", "internal/lint", "internal/meta/metatest", "internal/blob/blobtest", "internal/awsapi/awsapitest", "internal/ec2/ec2test", "internal/ecr/ecrtest", "internal/rds/rdstest"}

// publicPackages may not name a type of internal/ in an exported identifier.
var publicPackages = []string{"aead", "kms", "blockstore", "snapshot", "bench"}

// topLevel is everything the root directory may hold besides dot files.
var topLevel = []string{
	"aead", "bench", "blockstore", "cmd", "internal", "kms", "snapshot",
	"go.mod", "go.sum", "LICENSE", "Makefile", "README.md",
	"bin", "coffer", // build output, never committed
}

// sourceKinds are the files that a package may hold outside testdata. A test module
// of its own has .mod and .sum; .test and .prof are ignored by git.
var sourceKinds = []string{".go", ".sh", ".s", ".py", ".css", ".html", ".svg", ".mod", ".sum", ".test", ".prof"}

// owner says who alone may import a package. Paths are of a package or of one file;
// tests of the listed packages are included.
type owner struct {
	imports string // an import path, or a prefix of import paths when it ends in "/"
	allowed []string
	reason  string
	inTests bool // every test may import it
}

var owners = []owner{
	{"crypto/cipher", []string{"aead", "bench"}, "one package seals; bench needs the bare baseline", false},
	{"golang.org/x/crypto/", []string{"aead", "kms", "bench"}, "ciphers, KDFs and their one caller", false},
	{"github.com/cockroachdb/pebble/v2", []string{"internal/meta/pebblemeta", "blockstore/index.go", "blockstore/indexlater.go", "blockstore/indexpin.go"}, "one owner per heavy dependency", false},
	{"github.com/cockroachdb/pebble/v2/", []string{"internal/meta/pebblemeta", "blockstore/index.go", "blockstore/indexlater.go", "blockstore/indexpin.go"}, "one owner per heavy dependency; its crashable file system serves tests", true},
	{"github.com/prometheus/", []string{"internal/metrics"}, "one owner per heavy dependency", false},
	{"net/http", []string{"internal/awsapi", "internal/metrics", "cmd", "bench"}, "domain packages know no HTTP", false},
	{"net/http/", []string{"internal/awsapi", "internal/metrics", "cmd", "bench"}, "domain packages know no HTTP", false},
}

// A waiver excuses one file (or one package-level name of it) from one rule.
type waiver struct {
	file   string
	name   string // empty: the whole file
	reason string
}

// unsafeFiles may import unsafe or use go:linkname.
var unsafeFiles = []waiver{
	{"bench/perf_linux.go", "", "perf_event_open takes a struct by address"},
	{"internal/uring/ring_linux.go", "", "the queues are memory shared with the kernel"},
}

// mutableVars are package-level variables that are not plain constants.
var mutableVars = []waiver{}

// randFiles may import math/rand outside tests; never for keys, nonces or tokens.
var randFiles = []waiver{
	{"cmd/coffer/benchstoreload.go", "", "the places that a load reads and writes"},
}

// exitFiles may end the process outside cmd.
var exitFiles = []waiver{}

// skipFiles may skip a test. A missing tool is never a reason.
var skipFiles = []waiver{}
