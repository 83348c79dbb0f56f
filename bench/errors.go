package bench

import "errors"

var (
	// ErrFormat says that a file is not a report of a known format.
	ErrFormat = errors.New("bench: not a report of a known format")
	// ErrDirty says that Strict was asked for and the machine is not quiet enough.
	ErrDirty = errors.New("bench: the machine is not fit for measuring")
	// ErrKnownAnswer says that a cipher gave a wrong answer: nothing was timed.
	ErrKnownAnswer = errors.New("bench: known-answer test failed")
	// ErrEmulated says that a report was made under emulation and its times mean nothing.
	ErrEmulated = errors.New("bench: report was made under emulation")
	// ErrNoPlot says that a report has nothing to draw.
	ErrNoPlot = errors.New("bench: the report has no plot")
	// ErrOptions says that options or a case are unusable.
	ErrOptions = errors.New("bench: unusable options")
	// ErrChild says that a child process of a path failed.
	ErrChild = errors.New("bench: child process failed")
)
