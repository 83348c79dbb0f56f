package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"
)

// ScanOptions say what Scan reads.
type ScanOptions struct {
	Dir    string
	FS     FS // nil: OS{}
	Filter Filter
	Last   int  // above 0: begin with the last so many records that the filter chooses
	Follow bool // wait for more, until the context ends
}

// Scan calls fn with the records that the filter chooses, in order, each as the line
// without its newline, valid during fn. It does not verify the chain: see Verify. An
// error of fn ends it and is returned; the end of the context ends it with nil.
func Scan(ctx context.Context, o ScanOptions, fn func(line []byte) error) error {
	if o.FS == nil {
		o.FS = OS{}
	}
	s := scanner{o: o, fn: fn}
	var err error
	if o.Last > 0 {
		err = s.last(ctx)
	} else {
		err = s.forward(ctx)
	}
	for err == nil && o.Follow {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
		err = s.forward(ctx)
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// scanner is a Scan under way; file and offset say how far it has come.
type scanner struct {
	o      ScanOptions
	fn     func(line []byte) error
	file   uint64
	offset int64
}

// forward reads what has not been read yet.
func (s *scanner) forward(ctx context.Context) error {
	numbers, err := listFiles(s.o.FS, s.o.Dir)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	for _, n := range numbers {
		if n < s.file {
			continue
		}
		if n > s.file {
			s.file, s.offset = n, 0
		}
		end, err := s.read(ctx, n, s.offset, s.fn)
		if err != nil {
			return err
		}
		s.offset = end
	}
	return nil
}

// last reads files from the newest back until it has enough records.
func (s *scanner) last(ctx context.Context) error {
	numbers, err := listFiles(s.o.FS, s.o.Dir)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	var found [][]byte // in order
	for i := len(numbers) - 1; i >= 0 && len(found) < s.o.Last; i-- {
		var lines [][]byte
		want := s.o.Last - len(found)
		end, err := s.read(ctx, numbers[i], 0, func(line []byte) error {
			lines = append(lines, bytes.Clone(line))
			if len(lines) > 2*want { // keeps the memory bounded
				lines = slices.Clone(lines[len(lines)-want:])
			}
			return nil
		})
		if err != nil {
			return err
		}
		if i == len(numbers)-1 {
			s.file, s.offset = numbers[i], end
		}
		found = append(lines[max(0, len(lines)-want):], found...)
	}
	for _, line := range found {
		if err := s.fn(line); err != nil {
			return err
		}
	}
	return nil
}

// read calls fn with the chosen records of a file from an offset on, and returns the
// offset after the last whole line.
func (s *scanner) read(ctx context.Context, number uint64, offset int64, fn func([]byte) error) (int64, error) {
	f, err := s.o.FS.Open(filepath.Join(s.o.Dir, fileName(number)))
	if err != nil {
		return offset, fmt.Errorf("audit: %w", err)
	}
	defer f.Close()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return offset, fmt.Errorf("audit: %w", err)
	}
	r := newLineReader(f)
	for {
		line, err := r.next()
		switch {
		case err == io.EOF:
			return offset, nil
		case errors.Is(err, errLineTooLong):
			return offset, fmt.Errorf("%w: %s has a line too long at offset %d", ErrBroken, fileName(number), offset)
		case err != nil:
			return offset, fmt.Errorf("audit: %w", err)
		case ctx.Err() != nil:
			return offset, context.Canceled
		}
		if s.o.Filter.chooses(line) {
			if err := fn(line[:len(line)-1]); err != nil {
				return offset, err
			}
		}
		offset += int64(len(line))
	}
}
