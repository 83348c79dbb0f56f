package ociapi

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// ioTimeout is how long a connection may stand still while a body is sent either way.
const ioTimeout = time.Minute

// apiVersion is what Docker clients look for.
const apiVersion = "registry/2.0"

// timedReader reads a body whose every part must come in time. The server's own limit
// is for whole bodies, of a size that layers have not.
type timedReader struct {
	from    io.Reader
	control *http.ResponseController
}

func (t *timedReader) Read(p []byte) (int, error) {
	// A connection without deadlines (in a test) has none to be missed.
	_ = t.control.SetReadDeadline(time.Now().Add(ioTimeout))
	return t.from.Read(p)
}

// timedWriter is timedReader for an answer.
type timedWriter struct {
	to      io.Writer
	control *http.ResponseController
}

func (t *timedWriter) Write(p []byte) (int, error) {
	_ = t.control.SetWriteDeadline(time.Now().Add(ioTimeout))
	return t.to.Write(p)
}

func (r *reply) close() {
	if r.content != nil {
		_ = r.content.Close() // it was read only
	}
}

// write sends the answer.
func (r *reply) write(w http.ResponseWriter, control *http.ResponseController, method string) error {
	length := r.length
	if r.body != nil {
		length = int64(len(r.body))
	}
	header := w.Header()
	for name, values := range r.header {
		header[name] = values
	}
	header.Set("Docker-Distribution-Api-Version", apiVersion)
	if r.status != http.StatusNoContent {
		header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	to := &timedWriter{w, control}
	_ = control.SetWriteDeadline(time.Now().Add(ioTimeout))
	w.WriteHeader(r.status)
	switch {
	case method == http.MethodHead:
		return nil
	case r.content != nil:
		return r.content.WriteRange(to, r.offset, r.length)
	}
	_, err := to.Write(r.body)
	return err
}
