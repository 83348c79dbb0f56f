package ociapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"coffer.example/internal/ecr"
)

// imageID reads the reference of a manifest: a digest or a tag.
func (x *exchange) imageID() (ecr.ImageID, error) {
	if strings.Contains(x.reference, ":") {
		return ecr.ImageID{Digest: x.reference}, checkDigest(x.reference)
	}
	if !ecr.ValidTag(x.reference) {
		status, code := http.StatusNotFound, codeManifestUnknown // there is none under what cannot be a tag
		if x.http.Method == http.MethodPut {
			status, code = http.StatusBadRequest, codeManifestInvalid
		}
		return ecr.ImageID{}, refuse(status, code, "the reference is neither a digest nor a tag")
	}
	return ecr.ImageID{Tag: x.reference}, nil
}

func manifestReply(image *ecr.Image) *reply {
	answer := newReply(http.StatusOK).digest(image.Digest).set("Content-Type", image.MediaType).set("Etag", `"`+image.Digest+`"`)
	answer.length = image.Size()
	return answer
}

// headManifest is end-3.
func (h *Handler) headManifest(x *exchange) (*reply, error) {
	id, err := x.imageID()
	if err != nil {
		return nil, err
	}
	image, err := h.o.Service.StatImage(x.ctx(), x.caller, x.name, id)
	if err != nil {
		return nil, err
	}
	return manifestReply(image), nil
}

// getManifest is end-3. What was pushed is answered, whatever types the client accepts.
func (h *Handler) getManifest(x *exchange) (*reply, error) {
	id, err := x.imageID()
	if err != nil {
		return nil, err
	}
	image, content, err := h.o.Service.GetImage(x.ctx(), x.caller, x.name, id)
	if err != nil {
		return nil, err
	}
	answer := manifestReply(image)
	answer.body = content
	return answer, nil
}

// pushTags are the tags of a manifest that is pushed: its reference, or, when that is a digest, the
// parameters tag (of the specification's version after 1.1; clients of 1.1 send none).
func (x *exchange) pushTags(id ecr.ImageID) ([]string, error) {
	if id.Digest == "" {
		return []string{id.Tag}, nil
	}
	tags := x.http.URL.Query()["tag"]
	if len(tags) > ecr.MaxPushTags {
		return nil, refuse(http.StatusRequestURITooLong, codeUnsupported, "more tags than come with one manifest")
	}
	return tags, nil
}

// putManifest is end-7.
func (h *Handler) putManifest(x *exchange) (*reply, error) {
	id, err := x.imageID()
	if err != nil {
		return nil, err
	}
	tags, err := x.pushTags(id)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(x.body, ecr.MaxManifestSize+1)) // one byte more is refused below
	if err != nil {
		return nil, asBodyError(err)
	}
	mediaType, _, err := mime.ParseMediaType(x.http.Header.Get("Content-Type")) // parameters are ignored
	if err != nil {
		mediaType = ""
	}
	out, err := h.o.Service.PutImage(x.ctx(), x.caller, ecr.PutImageInput{
		Name: x.name, Content: content, MediaType: mediaType, Tags: tags, Digest: id.Digest,
	})
	var domain *ecr.Error
	if errors.As(err, &domain) && domain.Reason == ecr.LayerNotFound {
		return nil, refuse(http.StatusNotFound, codeManifestBlobUnknown, domain.Message)
	}
	if err != nil {
		return nil, err
	}
	answer := newReply(http.StatusCreated).digest(out.Image.Digest).set("Location", Prefix+x.name.Repository+"/manifests/"+out.Image.Digest)
	if out.Image.Subject != "" {
		answer.set("OCI-Subject", out.Image.Subject)
	}
	if id.Digest != "" && len(tags) > 0 {
		answer.set("OCI-Tag", strings.Join(tags, ", "))
	}
	return answer, nil
}

// deleteManifest is end-9: a tag alone, or a manifest with all its tags.
func (h *Handler) deleteManifest(x *exchange) (*reply, error) {
	id, err := x.imageID()
	if err != nil {
		return nil, err
	}
	if _, err := h.o.Service.DeleteImage(x.ctx(), x.caller, x.name, id, false); err != nil {
		return nil, err
	}
	return newReply(http.StatusAccepted), nil
}
