package ociapi

import (
	"errors"
	"io"
	"net/http"

	"coffer.example/internal/ecr"
)

func uploadLocation(x *exchange, id string) string {
	return Prefix + x.name.Repository + "/blobs/uploads/" + id
}

func blobLocation(x *exchange, digest string) string {
	return Prefix + x.name.Repository + "/blobs/" + digest
}

// created is the answer to a push of a blob.
func created(x *exchange, digest string) *reply {
	return newReply(http.StatusCreated).set("Location", blobLocation(x, digest)).digest(digest)
}

// progress is the answer that says where an upload stands.
func progress(x *exchange, status int, id string, size int64) *reply {
	return newReply(status).set("Location", uploadLocation(x, id)).set("Range", rangeOf(size)).set("Docker-Upload-UUID", id)
}

// startUpload is end-4a, end-4b and end-11: an upload, a whole blob, or a mount.
func (h *Handler) startUpload(x *exchange) (*reply, error) {
	query := x.http.URL.Query()
	if digest := query.Get("mount"); digest != "" {
		layer, err := h.o.Service.MountLayer(x.ctx(), x.caller, x.name, digest, query.Get("from"))
		switch {
		case err == nil:
			return created(x, layer.Digest), nil
		case !errors.Is(err, ecr.ErrNoMount):
			return nil, err
		}
	}
	digest := query.Get("digest")
	if digest != "" {
		if err := checkDigest(digest); err != nil {
			return nil, err
		}
	}
	id, err := h.o.Service.StartUpload(x.ctx(), x.caller, x.name)
	if err != nil {
		return nil, err
	}
	if digest == "" {
		return progress(x, http.StatusAccepted, id, 0), nil
	}
	if err := h.finish(x, id, 0, x.body, digest); err != nil {
		cancelled := h.o.Service.CancelUpload(x.ctx(), x.caller, x.name, id)
		return nil, errors.Join(err, cancelled)
	}
	return created(x, digest), nil
}

// finish appends a body and completes an upload.
func (h *Handler) finish(x *exchange, id string, offset int64, body io.Reader, digest string) error {
	if x.http.ContentLength != 0 {
		if _, err := h.o.Service.Append(x.ctx(), x.caller, x.name, id, offset, body); err != nil {
			return asBodyError(err)
		}
	}
	_, err := h.o.Service.CompleteUpload(x.ctx(), x.caller, x.name, id, digest)
	return err
}

// asBodyError turns the failure of a body that ends before its Content-Length into a refusal.
func asBodyError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ecr.ErrDamaged) {
		return refuse(http.StatusBadRequest, codeSizeInvalid, "the body is shorter than its Content-Length")
	}
	return err
}

// uploadStatus is end-13.
func (h *Handler) uploadStatus(x *exchange) (*reply, error) {
	size, err := h.o.Service.UploadSize(x.ctx(), x.caller, x.name, x.reference)
	if err != nil {
		return nil, err
	}
	return progress(x, http.StatusNoContent, x.reference, size), nil
}

// chunk returns where the body of a request belongs. Without a Content-Range it goes on where the upload stands.
func (x *exchange) chunk() (offset int64, body io.Reader, err error) {
	header := x.http.Header.Get("Content-Range")
	if header == "" {
		return ecr.AnyOffset, x.body, nil
	}
	offset, length, ok := chunkRange(header)
	switch {
	case !ok:
		return 0, nil, refuse(http.StatusRequestedRangeNotSatisfiable, codeUploadInvalid, "the Content-Range is not of the form first-last")
	case x.http.ContentLength >= 0 && x.http.ContentLength != length:
		return 0, nil, refuse(http.StatusBadRequest, codeSizeInvalid, "the Content-Length is not that of the Content-Range")
	}
	return offset, io.LimitReader(x.body, length), nil
}

// uploadChunk is end-5.
func (h *Handler) uploadChunk(x *exchange) (*reply, error) {
	offset, body, err := x.chunk()
	if err != nil {
		return nil, err
	}
	size, err := h.o.Service.Append(x.ctx(), x.caller, x.name, x.reference, offset, body)
	if err != nil {
		return nil, asBodyError(err)
	}
	return progress(x, http.StatusAccepted, x.reference, size), nil
}

// completeUpload is end-6.
func (h *Handler) completeUpload(x *exchange) (*reply, error) {
	digest := x.http.URL.Query().Get("digest")
	if err := checkDigest(digest); err != nil {
		return nil, err
	}
	offset, body, err := x.chunk()
	if err != nil {
		return nil, err
	}
	if err := h.finish(x, x.reference, offset, body, digest); err != nil {
		return nil, err
	}
	return created(x, digest), nil
}

// cancelUpload is no endpoint of the specification, but of the protocol that it comes from.
func (h *Handler) cancelUpload(x *exchange) (*reply, error) {
	if err := h.o.Service.CancelUpload(x.ctx(), x.caller, x.name, x.reference); err != nil {
		return nil, err
	}
	return newReply(http.StatusNoContent), nil
}
