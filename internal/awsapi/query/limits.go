package query

// Limits of one form. The body's size is capped by the caller.
const (
	// MaxParams bounds the parameters: the largest real requests name some thousand
	// ids or filter values.
	MaxParams = 10_000
	// MaxDepth bounds the parts of a name; the deepest of EC2 have seven.
	MaxDepth = 12
	// MaxNameLength bounds a decoded name, in bytes.
	MaxNameLength = 512
	// MaxIndex bounds the index of a list element.
	MaxIndex = 99_999
)
