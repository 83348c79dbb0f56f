package ecr

import (
	"context"
	"errors"
	"fmt"
	"io"

	"coffer.example/aead"
	"coffer.example/internal/blob"
)

// segment is a part of an object's content, sealed by one run of one writer. Its
// object in the blob store is
//
//	each layer of sealing, the innermost first: chunks of a stream (see aead), then the stream's header
//
// so that with two layers the outer one seals the inner one's chunks and header.
type segment struct {
	Run  string // random: a repeated run is another object under another key
	Size int64  // of the plaintext
}

// The layers of sealing.
const (
	layerKMS     = "kms"     // under the content key that the KMS key guards; the inner one
	layerService = "service" // under the content key that the service's key guards; the outer one
)

// contentKeys are the open keys of an object's layers; nil where it has not the layer. They are drawn independently.
type contentKeys struct{ kms, service *aead.Secret }

func (k *contentKeys) destroy() {
	for _, secret := range []*aead.Secret{k.kms, k.service} {
		if secret != nil {
			secret.Destroy()
		}
	}
}

func (k *contentKeys) layers() (n int64) {
	if k.kms != nil {
		n++
	}
	if k.service != nil {
		n++
	}
	return n
}

func segmentName(repo, object string, number int, run string) string {
	return fmt.Sprintf("%s%s-%d-%s", blobPrefix(repo), object, number, run)
}

// streamContext binds a stream to its layer and to the one object that holds it.
func streamContext(layer, name string) []byte { return []byte("coffer/" + layer + "/" + name) }

// putSegment seals what fill writes as the object of a name.
func (s *Service) putSegment(ctx context.Context, keys *contentKeys, name string, fill func(io.Writer) error) error {
	return s.blobs.Put(ctx, name, func(w io.Writer) error {
		if keys.service != nil {
			return s.sealStream(w, keys.service, streamContext(layerService, name), func(w io.Writer) error {
				return s.fillInner(w, keys, name, fill)
			})
		}
		return s.fillInner(w, keys, name, fill)
	})
}

func (s *Service) fillInner(w io.Writer, keys *contentKeys, name string, fill func(io.Writer) error) error {
	if keys.kms == nil {
		return fill(w)
	}
	return s.sealStream(w, keys.kms, streamContext(layerKMS, name), fill)
}

// sealStream writes one layer: the stream, then its header.
func (s *Service) sealStream(w io.Writer, key *aead.Secret, context []byte, fill func(io.Writer) error) error {
	stream, err := aead.NewStreamWriter(w, s.rand, key, aead.StreamSpec{Context: context, Length: aead.UnknownLength})
	if err != nil {
		return err
	}
	if err := fill(stream); err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	_, err = w.Write(stream.Header())
	return err
}

// sealedSize is the size of a segment's object.
func sealedSize(plain, layers int64) int64 {
	for range layers {
		chunks := max(1, (plain+aead.StreamChunkSize-1)/aead.StreamChunkSize)
		plain += chunks*aead.TagSize + aead.StreamHeaderSize
	}
	return plain
}

// openSegment opens a segment for reading; the caller closes the object.
func (s *Service) openSegment(ctx context.Context, keys *contentKeys, name string, size int64) (io.ReaderAt, blob.Object, error) {
	object, err := s.blobs.Get(ctx, name)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return nil, nil, err
	}
	reader, err := openLayers(object, keys, name)
	if err == nil && reader.Size() != size {
		err = fmt.Errorf("segment of %d bytes where %d were recorded", reader.Size(), size)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%w: %s: %w", ErrDamaged, name, err), object.Close())
	}
	return reader, object, nil
}

// sized is what a layer is read from, and what it gives.
type sized interface {
	io.ReaderAt
	Size() int64
}

func openLayers(object sized, keys *contentKeys, name string) (reader sized, err error) {
	reader = object
	if keys.service != nil {
		if reader, err = openStream(reader, keys.service, streamContext(layerService, name)); err != nil {
			return nil, err
		}
	}
	if keys.kms != nil {
		if reader, err = openStream(reader, keys.kms, streamContext(layerKMS, name)); err != nil {
			return nil, err
		}
	}
	return reader, nil
}

// openStream opens one layer.
func openStream(from sized, key *aead.Secret, context []byte) (*aead.StreamReader, error) {
	chunks := from.Size() - aead.StreamHeaderSize
	if chunks < 0 {
		return nil, io.ErrUnexpectedEOF
	}
	header := make([]byte, aead.StreamHeaderSize)
	if n, err := from.ReadAt(header, chunks); n < len(header) {
		return nil, err
	}
	return aead.OpenDetachedStream(header, from, chunks, key, context)
}
