// Package strictjson parses JSON into a tree and refuses what two readers could read
// differently: invalid UTF-8, lone surrogates, member names given twice, anything after the value.
// encoding/json repairs the first two and takes the last of the third, so that a policy
// check and a cipher's associated data could see different pairs.
//
// It decodes into no Go types; package shape does. Names and strings that it returns are
// exactly those of the text, unescaped.
//
// # Limits
//
//	nesting   at most MaxDepth
//	values    at most MaxValues, members counted with their values
package strictjson

// Limits of one text. Its size is capped by the caller.
const (
	// MaxDepth is above the deepest request of any AWS API here, 6.
	MaxDepth = 32
	// MaxValues bounds the tree's memory to a few MiB.
	MaxValues = 20_000
)
