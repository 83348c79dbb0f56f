package ecr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"

	"coffer.example/internal/blob"
)

// object is stored content: a layer's or a manifest's.
type object struct {
	ID       string // a UUID, the upload's
	SHA256   string // of the content, in hex
	Size     int64
	Segments []segment
	Keys     objectKeys
}

// Content is the open content of a layer or manifest. It belongs to one goroutine and must be closed.
type Content struct {
	ctx      context.Context // of the one request that reads it
	s        *Service
	repo     string
	object   *object
	keys     *contentKeys
	ends     []int64 // where each segment ends
	current  int     // the open segment; -1: none
	reader   io.ReaderAt
	file     blob.Object
	segments []segment
}

// openContent opens an object for reading. It fails unless every segment is there in its full size.
func (s *Service) openContent(ctx context.Context, r *Repository, o *object) (*Content, error) {
	keys, err := s.openKeys(ctx, r, o)
	if err != nil {
		return nil, err
	}
	c := &Content{ctx: ctx, s: s, repo: r.ID, object: o, keys: keys, current: -1, segments: o.Segments}
	var end int64
	for i, part := range c.segments {
		size, err := s.blobs.Stat(ctx, segmentName(r.ID, o.ID, i, part.Run))
		if want := sealedSize(part.Size, keys.layers()); err == nil && size != want {
			err = fmt.Errorf("segment %d has %d bytes where %d were sealed", i, size, want)
		}
		if err != nil {
			keys.destroy()
			return nil, fmt.Errorf("%w: object %s: %w", ErrDamaged, o.ID, err)
		}
		end += part.Size
		c.ends = append(c.ends, end)
	}
	if end != o.Size {
		keys.destroy()
		return nil, fmt.Errorf("%w: object %s has %d bytes of segments where %d were recorded", ErrDamaged, o.ID, end, o.Size)
	}
	return c, nil
}

// Size returns the size of the content.
func (c *Content) Size() int64 { return c.object.Size }

// ReadAt implements io.ReaderAt, for one caller at a time.
func (c *Content) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("ecr: negative offset")
	}
	for n < len(p) {
		at := off + int64(n)
		if at >= c.object.Size {
			return n, io.EOF
		}
		number := sort.Search(len(c.ends), func(i int) bool { return c.ends[i] > at })
		if err := c.open(number); err != nil {
			return n, err
		}
		start := c.ends[number] - c.segments[number].Size
		k, err := c.reader.ReadAt(p[n:min(int64(len(p)), int64(n)+c.ends[number]-at)], at-start)
		n += k
		if err != nil && !errors.Is(err, io.EOF) {
			return n, fmt.Errorf("%w: object %s segment %d: %w", ErrDamaged, c.object.ID, number, err)
		}
		if k == 0 {
			return n, io.ErrUnexpectedEOF
		}
	}
	return n, nil
}

// open opens a segment in place of the one that is open.
func (c *Content) open(number int) error {
	if number == c.current {
		return nil
	}
	if err := c.closeFile(); err != nil {
		return err
	}
	part := c.segments[number]
	reader, file, err := c.s.openSegment(c.ctx, c.keys, segmentName(c.repo, c.object.ID, number, part.Run), part.Size)
	if err != nil {
		return err
	}
	c.reader, c.file, c.current = reader, file, number
	return nil
}

func (c *Content) closeFile() error {
	c.current = -1
	if c.file == nil {
		return nil
	}
	file := c.file
	c.file = nil
	return file.Close()
}

// Close releases the content and its keys.
func (c *Content) Close() error {
	c.keys.destroy()
	return c.closeFile()
}

// copyBuffer is a multiple of a stream's chunk, so that whole chunks are opened in place.
const copyBuffer = 256 << 10

// WriteRange writes size bytes from off to w, and opens what comes next meanwhile.
func (c *Content) WriteRange(w io.Writer, off, size int64) error {
	if size <= copyBuffer {
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{io.NewSectionReader(c, off, size)}, make([]byte, copyBuffer))
		return err
	}
	return writeAhead(w, io.NewSectionReader(c, off, size), size)
}
