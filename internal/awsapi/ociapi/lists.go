package ociapi

import (
	"encoding/json"
	"net/http"
	"net/url"

	"coffer.example/internal/ecr"
)

// maxPage is the most entries of one answer; a Link leads on.
const maxPage = 1000

// pageSize reads the parameter n.
func (x *exchange) pageSize() (int, error) {
	text := x.http.URL.Query().Get("n")
	if text == "" {
		return maxPage, nil
	}
	n, ok := number(text)
	if !ok {
		return 0, refuse(http.StatusBadRequest, codeUnsupported, "the parameter n is not a number")
	}
	return int(min(n, maxPage)), nil
}

// next is the Link (RFC 5988) to the page after the entry last.
func (x *exchange) next(last string) string {
	query := x.http.URL.Query()
	query.Set("last", last)
	return "<" + (&url.URL{Path: x.http.URL.Path, RawQuery: query.Encode()}).String() + `>; rel="next"`
}

func jsonReply(contentType string, value any) (*reply, error) {
	answer := newReply(http.StatusOK).set("Content-Type", contentType)
	var err error
	answer.body, err = json.Marshal(value)
	return answer, err
}

// listTags is end-8a and end-8b.
func (h *Handler) listTags(x *exchange) (*reply, error) {
	n, err := x.pageSize()
	if err != nil {
		return nil, err
	}
	tags, more, err := h.o.Service.ListTags(x.ctx(), x.caller, x.name, x.http.URL.Query().Get("last"), n)
	if err != nil {
		return nil, err
	}
	if tags == nil {
		tags = []string{}
	}
	answer, err := jsonReply("application/json", struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{x.name.Repository, tags})
	if more && n > 0 && err == nil {
		answer.set("Link", x.next(tags[len(tags)-1]))
	}
	return answer, err
}

// index is an image index, as the list of referrers is one.
type index struct {
	SchemaVersion int              `json:"schemaVersion"`
	MediaType     string           `json:"mediaType"`
	Manifests     []ecr.Descriptor `json:"manifests"`
}

// listReferrers is end-12a and end-12b.
func (h *Handler) listReferrers(x *exchange) (*reply, error) {
	if err := checkDigest(x.reference); err != nil {
		return nil, err
	}
	query := x.http.URL.Query()
	artifactType := query.Get("artifactType")
	found, more, err := h.o.Service.Referrers(x.ctx(), x.caller, x.name, x.reference, artifactType, query.Get("last"))
	if err != nil {
		return nil, err
	}
	if found == nil {
		found = []ecr.Descriptor{}
	}
	answer, err := jsonReply(ecr.MediaTypeIndex, index{2, ecr.MediaTypeIndex, found})
	if err != nil {
		return nil, err
	}
	if artifactType != "" {
		answer.set("OCI-Filters-Applied", "artifactType")
	}
	if more {
		answer.set("Link", x.next(found[len(found)-1].Digest))
	}
	return answer, nil
}

// catalog lists the repositories of a registry; the specification reserves the path and leaves it open.
func (h *Handler) catalog(x *exchange) (*reply, error) {
	n, err := x.pageSize()
	if err != nil {
		return nil, err
	}
	found, more, err := h.o.Service.Repositories(x.ctx(), x.caller, x.name.Registry, x.http.URL.Query().Get("last"), n)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, one := range found {
		names = append(names, one.Name)
	}
	answer, err := jsonReply("application/json", map[string][]string{"repositories": names})
	if more && n > 0 && err == nil {
		answer.set("Link", x.next(names[len(names)-1]))
	}
	return answer, err
}
