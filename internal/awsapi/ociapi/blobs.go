package ociapi

import (
	"fmt"
	"net/http"
)

// contentType is that of blobs: what they are is their manifest's business.
const contentType = "application/octet-stream"

// headBlob is end-2.
func (h *Handler) headBlob(x *exchange) (*reply, error) {
	if err := checkDigest(x.reference); err != nil {
		return nil, err
	}
	layer, err := h.o.Service.StatLayer(x.ctx(), x.caller, x.name, x.reference)
	if err != nil {
		return nil, err
	}
	answer := blobReply(http.StatusOK, x.reference)
	answer.length = layer.Size()
	return answer, nil
}

func blobReply(status int, digest string) *reply {
	return newReply(status).digest(digest).set("Content-Type", contentType).set("Accept-Ranges", "bytes").set("Etag", `"`+digest+`"`)
}

// getBlob is end-2.
func (h *Handler) getBlob(x *exchange) (*reply, error) {
	if err := checkDigest(x.reference); err != nil {
		return nil, err
	}
	content, err := h.o.Service.OpenLayer(x.ctx(), x.caller, x.name, x.reference)
	if err != nil {
		return nil, err
	}
	answer := blobReply(http.StatusOK, x.reference)
	answer.content, answer.length = content, content.Size()
	if condition := x.http.Header.Get("If-Range"); condition != "" && condition != answer.header.Get("Etag") {
		return answer, nil
	}
	offset, length, ok, err := byteRange(x.http.Header.Get("Range"), content.Size())
	if err != nil {
		answer.close()
		return nil, err
	}
	if ok {
		answer.status, answer.offset, answer.length = http.StatusPartialContent, offset, length
		answer.set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, content.Size()))
	}
	return answer, nil
}

// deleteBlob is end-10.
func (h *Handler) deleteBlob(x *exchange) (*reply, error) {
	if err := checkDigest(x.reference); err != nil {
		return nil, err
	}
	if err := h.o.Service.DeleteLayer(x.ctx(), x.caller, x.name, x.reference); err != nil {
		return nil, err
	}
	return newReply(http.StatusAccepted), nil
}
