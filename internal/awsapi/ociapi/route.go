package ociapi

import (
	"net/http"
	"regexp"
	"strings"

	"coffer.example/internal/ecr"
)

// Prefix is where the protocol lives.
const Prefix = "/v2/"

// operation is what a path and a method ask for.
type operation struct {
	event string // what the audit trail shows: an ECR operation, or CheckAuthorization
	call  func(h *Handler, x *exchange) (*reply, error)
}

// route is a path, taken apart.
type route struct {
	name       string // of the repository; empty for the paths of the whole registry
	reference  string // digest, tag or upload id
	operations map[string]operation
	registry   bool // the path is of no repository
}

// The endpoints of the specification by their paths; its ids are end-1 to end-13.
var (
	pingOperations    = map[string]operation{http.MethodGet: {"CheckAuthorization", (*Handler).ping}, http.MethodHead: {"CheckAuthorization", (*Handler).ping}}
	catalogOperations = map[string]operation{http.MethodGet: {"DescribeRepositories", (*Handler).catalog}}
	startOperations   = map[string]operation{http.MethodPost: {"InitiateLayerUpload", (*Handler).startUpload}}
	uploadOperations  = map[string]operation{
		http.MethodGet:    {"UploadLayerPart", (*Handler).uploadStatus},
		http.MethodPatch:  {"UploadLayerPart", (*Handler).uploadChunk},
		http.MethodPut:    {"CompleteLayerUpload", (*Handler).completeUpload},
		http.MethodDelete: {"UploadLayerPart", (*Handler).cancelUpload},
	}
	blobOperations = map[string]operation{
		http.MethodGet:    {"GetDownloadUrlForLayer", (*Handler).getBlob},
		http.MethodHead:   {"BatchCheckLayerAvailability", (*Handler).headBlob},
		http.MethodDelete: {"BatchDeleteImage", (*Handler).deleteBlob},
	}
	manifestOperations = map[string]operation{
		http.MethodGet:    {"BatchGetImage", (*Handler).getManifest},
		http.MethodHead:   {"BatchGetImage", (*Handler).headManifest},
		http.MethodPut:    {"PutImage", (*Handler).putManifest},
		http.MethodDelete: {"BatchDeleteImage", (*Handler).deleteManifest},
	}
	tagOperations      = map[string]operation{http.MethodGet: {"ListImages", (*Handler).listTags}}
	referrerOperations = map[string]operation{http.MethodGet: {"BatchGetImage", (*Handler).listReferrers}}
)

// find takes a path apart; nil is no path of the protocol.
func find(path string) *route {
	rest := strings.TrimPrefix(path, Prefix)
	switch {
	case rest == "":
		return &route{operations: pingOperations, registry: true}
	case rest == "_catalog":
		return &route{operations: catalogOperations, registry: true}
	}
	if name, ok := strings.CutSuffix(strings.TrimSuffix(rest, "/"), "/blobs/uploads"); ok {
		return &route{name: name, operations: startOperations}
	}
	before, last, ok := cutLast(rest)
	if !ok || last == "" {
		return nil
	}
	if name, ok := strings.CutSuffix(before, "/blobs/uploads"); ok {
		return &route{name: name, reference: last, operations: uploadOperations}
	}
	name, kind, _ := cutLast(before)
	switch kind {
	case "blobs":
		return &route{name: name, reference: last, operations: blobOperations}
	case "manifests":
		return &route{name: name, reference: last, operations: manifestOperations}
	case "referrers":
		return &route{name: name, reference: last, operations: referrerOperations}
	case "tags":
		if last == "list" {
			return &route{name: name, operations: tagOperations}
		}
	}
	return nil
}

func cutLast(s string) (before, last string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// checkName refuses what cannot name a repository.
func (r *route) checkName() error {
	if !r.registry && !ecr.ValidName(r.name) {
		return refuse(http.StatusBadRequest, codeNameInvalid, "invalid repository name")
	}
	return nil
}

// algorithmPattern is of digests by the specification's syntax, of whatever algorithm.
var algorithmPattern = regexp.MustCompile(`^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$`)

// checkDigest refuses what is not a digest, and digests of algorithms that are not known.
func checkDigest(digest string) error {
	if ecr.ValidDigest(digest) {
		return nil
	}
	algorithm, _, _ := strings.Cut(digest, ":")
	if algorithmPattern.MatchString(digest) && algorithm != "sha256" && algorithm != "sha512" {
		return refuse(http.StatusBadRequest, codeUnsupported, "digests of this algorithm are not supported")
	}
	return refuse(http.StatusBadRequest, codeDigestInvalid, "badly formed digest")
}
