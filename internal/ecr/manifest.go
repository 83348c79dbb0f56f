package ecr

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Descriptor is an OCI descriptor, as far as the registry looks at one.
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// The media types of manifests whose references are known.
const (
	MediaTypeImage       = "application/vnd.oci.image.manifest.v1+json"
	MediaTypeIndex       = "application/vnd.oci.image.index.v1+json"
	mediaTypeDockerImage = "application/vnd.docker.distribution.manifest.v2+json"
	mediaTypeDockerList  = "application/vnd.docker.distribution.manifest.list.v2+json"
	mediaTypeSchema1     = "application/vnd.docker.distribution.manifest.v1+json"
	mediaTypeSchema1JWS  = "application/vnd.docker.distribution.manifest.v1+prettyjws"
)

// manifest is what a manifest says.
type manifest struct {
	mediaType    string
	artifactType string
	configType   string
	subject      string
	annotations  map[string]string
	layers       []string // digests of config and layers that must be there
	images       []string // digests of manifests that must be there
	size         int64    // of the layers
}

// wireManifest is the union of the image manifest and the image index.
type wireManifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *wireDescriptor   `json:"config"`
	Layers        []wireDescriptor  `json:"layers"`
	Manifests     []wireDescriptor  `json:"manifests"`
	Subject       *wireDescriptor   `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
}

type wireDescriptor struct {
	MediaType string   `json:"mediaType"`
	Digest    string   `json:"digest"`
	Size      int64    `json:"size"`
	URLs      []string `json:"urls"`
}

// parseManifest reads a manifest that came with a media type, which may be empty: then its own counts.
func parseManifest(content []byte, mediaType string) (*manifest, error) {
	if len(content) > MaxManifestSize {
		return nil, refuse(ManifestTooLarge, "The manifest has more than %d bytes", MaxManifestSize)
	}
	var w wireManifest
	if err := json.Unmarshal(content, &w); err != nil || !bytes.HasPrefix(bytes.TrimLeft(content, " \t\r\n"), []byte("{")) {
		return nil, refuse(InvalidManifest, "The manifest is not a JSON object of a manifest")
	}
	switch {
	case mediaType == "":
		mediaType = w.MediaType
	case w.MediaType != "" && w.MediaType != mediaType:
		return nil, refuse(InvalidManifest, "The manifest's mediaType '%s' is not the Content-Type '%s'", w.MediaType, mediaType)
	}
	if mediaType == "" {
		mediaType = MediaTypeImage
		if w.Manifests != nil {
			mediaType = MediaTypeIndex
		}
	}
	m := &manifest{mediaType: mediaType, artifactType: w.ArtifactType, annotations: w.Annotations}
	switch mediaType {
	case mediaTypeSchema1, mediaTypeSchema1JWS:
		return nil, refuse(InvalidManifest, "Manifests of schema 1 are not supported")
	case MediaTypeImage, mediaTypeDockerImage, MediaTypeIndex, mediaTypeDockerList:
		if w.SchemaVersion != 2 {
			return nil, refuse(InvalidManifest, "The manifest's schemaVersion is not 2")
		}
	}
	if err := m.refer(&w); err != nil {
		return nil, err
	}
	return m, nil
}

// refer collects what a manifest refers to.
func (m *manifest) refer(w *wireManifest) error {
	if len(w.Layers)+len(w.Manifests) > maxDescriptors {
		return refuse(InvalidManifest, "The manifest has more than %d descriptors", maxDescriptors)
	}
	isImage := m.mediaType == MediaTypeImage || m.mediaType == mediaTypeDockerImage
	if isImage && w.Config == nil {
		return refuse(InvalidManifest, "The image manifest has no config")
	}
	if w.Config != nil {
		m.configType = w.Config.MediaType
		w.Layers = append([]wireDescriptor{*w.Config}, w.Layers...)
	}
	for _, d := range w.Layers {
		if !ValidDigest(d.Digest) || d.Size < 0 {
			return refuse(InvalidManifest, "The manifest has an invalid descriptor")
		}
		if !d.elsewhere() {
			m.layers = append(m.layers, d.Digest)
		}
		m.size += d.Size
	}
	for _, d := range w.Manifests {
		if !ValidDigest(d.Digest) || d.Size < 0 {
			return refuse(InvalidManifest, "The manifest has an invalid descriptor")
		}
		m.images = append(m.images, d.Digest)
	}
	if w.Subject != nil {
		if !ValidDigest(w.Subject.Digest) {
			return refuse(InvalidManifest, "The manifest's subject has no valid digest")
		}
		m.subject = w.Subject.Digest
	}
	slices.Sort(m.layers)
	m.layers = slices.Compact(m.layers)
	return nil
}

// elsewhere says whether a layer is one that registries need not have.
func (d wireDescriptor) elsewhere() bool {
	return len(d.URLs) > 0 && (strings.Contains(d.MediaType, ".nondistributable.") || strings.Contains(d.MediaType, ".foreign."))
}

// referrer is a manifest with a subject, as the list of referrers shows it (OCI distribution-spec, "Listing Referrers").
type referrer struct {
	Descriptor
	// Apart is the size of annotations that a record has no room for; they are read from the manifest. 0: they are here.
	Apart int `json:",omitempty"`
}

func (m *manifest) referrer(digest string, size int64) *referrer {
	d := Descriptor{MediaType: m.mediaType, Digest: digest, Size: size, ArtifactType: m.artifactType}
	if d.ArtifactType == "" && m.mediaType != MediaTypeIndex {
		d.ArtifactType = m.configType
	}
	if n := annotationsSize(m.annotations); n > maxRecordAnnotations {
		return &referrer{d, n}
	}
	d.Annotations = m.annotations
	return &referrer{Descriptor: d}
}

func annotationsSize(annotations map[string]string) (n int) {
	for key, value := range annotations {
		n += len(key) + len(value)
	}
	return n
}
