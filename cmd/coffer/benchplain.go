package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// registryBuffer is the size of the pieces that layers are copied in, in every registry that is compared.
const registryBuffer = 256 << 10

// plainRegistry is the registry that coffer's is measured against: what is pushed is hashed while it is written to
// a file, synced, and renamed; what is pulled is copied from the file. It promises what coffer's
// promises (a verified digest, a layer that is durable when its push is answered), and encrypts nothing.
// It knows no more of the protocol than one upload of one request.
type plainRegistry struct{ dir string }

func newPlainRegistry(dir string) (*plainRegistry, error) {
	return &plainRegistry{dir}, os.Mkdir(dir, privateMode)
}

func (p *plainRegistry) file(digest string) string {
	return filepath.Join(p.dir, strings.TrimPrefix(digest, "sha256:"))
}

func (p *plainRegistry) remove(digest string) error { return os.Remove(p.file(digest)) }

// ServeHTTP implements http.Handler.
func (p *plainRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var err error
	switch r.Method {
	case http.MethodPost:
		w.Header().Set("Location", r.URL.Path+"one")
		w.WriteHeader(http.StatusAccepted)
	case http.MethodPut:
		if err = p.store(r.Body, r.URL.Query().Get("digest")); err == nil {
			w.WriteHeader(http.StatusCreated)
		}
	default:
		err = p.send(w, filepath.Base(r.URL.Path))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (p *plainRegistry) store(body io.Reader, digest string) (err error) {
	if _, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:")); err != nil {
		return err
	}
	file, err := os.CreateTemp(p.dir, "put-")
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.CopyBuffer(io.MultiWriter(file, sum), struct{ io.Reader }{body}, make([]byte, registryBuffer))
	if got := fmt.Sprintf("sha256:%x", sum.Sum(nil)); err == nil && got != digest {
		err = fmt.Errorf("content has the digest %s", got)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), p.file(digest))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	parent, err := os.Open(p.dir)
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

func (p *plainRegistry) send(w http.ResponseWriter, digest string) error {
	file, err := os.Open(p.file(digest))
	if err != nil {
		return err
	}
	defer file.Close() // it was read only
	info, err := file.Stat()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{file}, make([]byte, registryBuffer))
	return err
}
