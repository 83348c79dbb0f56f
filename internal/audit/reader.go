package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"coffer.example/aead"
)

// fileCheck is one file being verified, line by line.
type fileCheck struct {
	name    string
	number  uint64
	key     *aead.MACKey // nil: form and sequence only
	scratch []byte

	head    head   // after the last good record
	header  header // of the file, once line is above 0
	line    int    // number of the last good line
	good    int64  // offset of the end of the last good record
	torn    int64  // bytes after good without a newline
	first   uint64 // sequence number of the header
	records int
}

// checkFile verifies a file that follows from (sequence number 0: take the header's
// word for what precedes it, as nobody without the key could have written it). visit, if not nil, sees the head after every record. It
// returns a *BrokenError at the first bad place; c has what is good before it. Bytes
// after the last newline are c.torn, no error. limit bounds how much is read (<= 0: all).
func checkFile(fs FS, dir string, number uint64, key *aead.MACKey, from head, limit int64, visit func(head) error) (*fileCheck, error) {
	c := &fileCheck{name: fileName(number), number: number, key: key, head: from}
	f, err := fs.Open(filepath.Join(dir, c.name))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return c, c.broken("the file is missing")
	case err != nil:
		return c, fmt.Errorf("audit: %w", err)
	}
	defer f.Close()
	var src io.Reader = f
	if limit > 0 {
		src = io.LimitReader(f, limit)
	}
	r := newLineReader(src)
	for {
		line, err := r.next()
		switch {
		case err == io.EOF:
			c.torn = int64(len(line))
			return c, nil
		case errors.Is(err, errLineTooLong):
			return c, c.broken("line too long")
		case err != nil:
			return c, fmt.Errorf("audit: reading %s: %w", c.name, err)
		}
		if err := c.add(line); err != nil {
			return c, err
		}
		if visit != nil {
			if err := visit(c.head); err != nil {
				return c, err
			}
		}
	}
}

// add verifies the next line.
func (c *fileCheck) add(line []byte) error {
	if c.line == 0 {
		if err := c.addHeader(line); err != nil {
			return err
		}
	}
	next, err := checkRecord(&c.scratch, c.key, c.head, line)
	if err != nil {
		return c.broken(err.Error())
	}
	if c.line == 0 {
		c.first = next.seq
	}
	c.head = next
	c.line++
	c.records++
	c.good += int64(len(line))
	return nil
}

// addHeader checks what the first line says against what came before. The line itself
// is then verified as any other.
func (c *fileCheck) addHeader(line []byte) error {
	body, _, err := splitRecord(line)
	if err != nil {
		return c.broken(err.Error())
	}
	var own struct {
		Audit *header `json:"cofferAudit"`
		Seq   uint64  `json:"cofferSeq"`
	}
	if err := json.Unmarshal(append(bytes.Clone(body), '}'), &own); err != nil || own.Audit == nil || own.Seq == 0 {
		return c.broken("no header")
	}
	c.header = *own.Audit
	switch {
	case c.header.Format != formatVersion:
		return c.broken(fmt.Sprintf("format %d is not known", c.header.Format))
	case c.header.File != c.number:
		return c.broken(fmt.Sprintf("header of file %d", c.header.File))
	}
	var previous [chainSize]byte
	if n, err := hex.Decode(previous[:], []byte(c.header.Previous)); err != nil || n != chainSize {
		return c.broken("malformed header")
	}
	if c.head.seq == 0 || c.header.Restart != "" {
		c.head = head{seq: own.Seq - 1, chain: previous}
	}
	c.head.file = c.number
	if previous != c.head.chain {
		return c.broken("does not follow the file before it")
	}
	return nil
}

func (c *fileCheck) broken(what string) error {
	return &BrokenError{File: c.name, Line: c.line + 1, Offset: c.good, Seq: c.head.seq + 1, What: what}
}
