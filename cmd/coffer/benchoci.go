package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"coffer.example/internal/awsapi/sigv4"
)

// benchLayer is the layer that is pushed and pulled: noise, which nothing compresses.
type benchLayer struct {
	block  []byte
	size   int64
	digest string
}

func newBenchLayer(size int64) *benchLayer {
	l := &benchLayer{block: make([]byte, benchLayerBlock), size: size}
	rand.Read(l.block) // never fails
	sum := sha256.New()
	if _, err := io.Copy(sum, l.reader()); err != nil {
		panic("coffer: " + err.Error()) // a hash and memory never fail
	}
	l.digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return l
}

// reader reads the layer from its start.
func (l *benchLayer) reader() io.Reader { return &layerReader{layer: l} }

type layerReader struct {
	layer *benchLayer
	at    int64
}

func (r *layerReader) Read(p []byte) (int, error) {
	left := r.layer.size - r.at
	if left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), left)], r.layer.block[r.at%benchLayerBlock:])
	r.at += int64(n)
	return n, nil
}

// benchOCI is a client of a repository of a registry.
type benchOCI struct{ address, repository string }

func (c *benchOCI) path(rest string) string {
	return "http://" + c.address + "/v2/" + c.repository + "/blobs/" + rest
}

// do makes a request that is signed by the dev key, and wants a status.
func (c *benchOCI) do(ctx context.Context, method, url string, body io.Reader, size int64, want int) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	r.ContentLength = size
	hash := sigv4.PayloadHash(nil)
	if body != nil {
		hash = sigv4.UnsignedPayload
	}
	r.Header.Set("X-Amz-Content-Sha256", hash)
	if err := sigv4.Sign(r, sigv4.Key{AccessKeyID: "test", Secret: "test"}, "ecr", defaultRegion, hash, time.Now()); err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != want {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return nil, errors.Join(fmt.Errorf("%s %s: %s: %s", method, url, resp.Status, said), resp.Body.Close())
	}
	return resp, nil
}

// push uploads a layer in one request, as docker does.
func (c *benchOCI) push(ctx context.Context, l *benchLayer) error {
	begun, err := c.do(ctx, http.MethodPost, c.path("uploads/"), nil, 0, http.StatusAccepted)
	if err != nil {
		return err
	}
	if err := begun.Body.Close(); err != nil {
		return err
	}
	url := "http://" + c.address + begun.Header.Get("Location") + "?digest=" + l.digest
	done, err := c.do(ctx, http.MethodPut, url, l.reader(), l.size, http.StatusCreated)
	if err != nil {
		return err
	}
	return done.Body.Close()
}

// pull downloads a layer and counts its bytes; to hash them is the client's own cost.
func (c *benchOCI) pull(ctx context.Context, l *benchLayer) error {
	resp, err := c.do(ctx, http.MethodGet, c.path(l.digest), nil, 0, http.StatusOK)
	if err != nil {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{resp.Body}, make([]byte, registryBuffer))
	if err == nil && n != l.size {
		err = fmt.Errorf("pulled %d bytes of %d", n, l.size)
	}
	return errors.Join(err, resp.Body.Close())
}
