package dirblob

import "os"

// earlyWriter writes a file and lets the disk begin with every earlyBytes of it while more
// comes, so that the sync at the end of a large object has little left to wait for.
type earlyWriter struct {
	file   *os.File
	at     int64
	begun  int64 // the disk works on what lies before
	failed bool  // the file system knows no such thing; sync alone will do
}

func (e *earlyWriter) Write(p []byte) (int, error) {
	n, err := e.file.Write(p)
	e.at += int64(n)
	if !e.failed && e.at-e.begun >= earlyBytes {
		e.failed = beginWriteback(e.file, e.begun, e.at-e.begun) != nil
		e.begun = e.at
	}
	return n, err
}
