package ecrapi

import (
	"bytes"
	"context"
	"errors"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/ociapi"
	"coffer.example/internal/ecr"
)

func (a *api) layers() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"InitiateLayerUpload":         write(a.initiateLayerUpload),
		"UploadLayerPart":             write(a.uploadLayerPart),
		"CompleteLayerUpload":         write(a.completeLayerUpload),
		"BatchCheckLayerAvailability": read(a.batchCheckLayerAvailability),
		"GetDownloadUrlForLayer":      read(a.getDownloadURLForLayer),
	}
}

func (a *api) initiateLayerUpload(ctx context.Context, r *awsapi.Request, in *repositoryInput) (any, error) {
	id, err := a.ecr.StartUpload(ctx, r.Caller(), in.name())
	if err != nil {
		return nil, err
	}
	return map[string]any{"uploadId": id, "partSize": ecr.PartSize}, nil
}

// uploadInput names an upload.
type uploadInput struct {
	repositoryInput
	UploadID string `api:"uploadId,required" pattern:"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"`
}

type uploadLayerPartInput struct {
	uploadInput
	First *int   `api:"partFirstByte,required" range:"0..9223372036854775807"`
	Last  *int   `api:"partLastByte,required" range:"0..9223372036854775807"`
	Blob  []byte `api:"layerPartBlob,required,sensitive" len:"0..20971520"`
}

func (a *api) uploadLayerPart(ctx context.Context, r *awsapi.Request, in *uploadLayerPartInput) (any, error) {
	if *in.Last-*in.First+1 != len(in.Blob) {
		return nil, invalid("layerPartBlob", "must have the bytes from partFirstByte to partLastByte")
	}
	size, err := a.ecr.Append(ctx, r.Caller(), in.name(), in.UploadID, int64(*in.First), bytes.NewReader(in.Blob))
	var part *ecr.Error
	if errors.As(err, &part) && part.Reason == ecr.InvalidPart {
		ref := in.ref(r)
		return nil, &awsapi.Error{
			Code: "InvalidLayerPartException", Message: part.Message,
			Members: map[string]string{"registryId": ref.RegistryID, "repositoryName": ref.RepositoryName, "uploadId": in.UploadID},
			Numbers: map[string]int64{"lastValidByteReceived": max(part.LastValidByte, 0)},
		}
	}
	if err != nil {
		return nil, err
	}
	return struct {
		repositoryRef
		UploadID string `json:"uploadId"`
		Last     int64  `json:"lastByteReceived"`
	}{in.ref(r), in.UploadID, max(size-1, 0)}, nil
}

type completeLayerUploadInput struct {
	uploadInput
	Digests []string `api:"layerDigests,required" len:"1..100" elem_pattern:"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"`
}

func (a *api) completeLayerUpload(ctx context.Context, r *awsapi.Request, in *completeLayerUploadInput) (any, error) {
	digest := in.Digests[0]
	if err := a.ecr.CheckParts(ctx, r.Caller(), in.name(), in.UploadID); err != nil {
		return nil, err
	}
	_, err := a.ecr.StatLayer(ctx, r.Caller(), in.name(), digest)
	switch {
	case err == nil:
		return nil, awsapi.Errorf("LayerAlreadyExistsException", "Layer with digest '%s' already exists in the '%s' repository", digest, in.RepositoryName)
	case !ecr.HasReason(err, ecr.LayerNotFound):
		return nil, err
	}
	layer, err := a.ecr.CompleteUpload(ctx, r.Caller(), in.name(), in.UploadID, digest)
	if err != nil {
		return nil, err
	}
	return struct {
		repositoryRef
		UploadID string `json:"uploadId"`
		Digest   string `json:"layerDigest"`
	}{in.ref(r), in.UploadID, layer.Digest}, nil
}

type batchCheckLayerAvailabilityInput struct {
	repositoryInput
	Digests []string `api:"layerDigests,required" len:"1..100" elem_len:"0..1000"`
}

type layerState struct {
	Digest       string `json:"layerDigest"`
	Availability string `json:"layerAvailability"`
	Size         *int64 `json:"layerSize,omitempty"`
	MediaType    string `json:"mediaType,omitempty"`
}

type layerFailure struct {
	Digest string `json:"layerDigest"`
	Code   string `json:"failureCode"`
	Reason string `json:"failureReason"`
}

func (a *api) batchCheckLayerAvailability(ctx context.Context, r *awsapi.Request, in *batchCheckLayerAvailabilityInput) (any, error) {
	out := struct {
		Layers   []layerState   `json:"layers"`
		Failures []layerFailure `json:"failures"`
	}{[]layerState{}, []layerFailure{}}
	for _, digest := range in.Digests {
		layer, err := a.ecr.StatLayer(ctx, r.Caller(), in.name(), digest)
		switch {
		case err == nil:
			size := layer.Size()
			out.Layers = append(out.Layers, layerState{digest, "AVAILABLE", &size, "application/vnd.docker.image.rootfs.diff.tar.gzip"})
		case ecr.HasReason(err, ecr.LayerNotFound):
			out.Layers = append(out.Layers, layerState{Digest: digest, Availability: "UNAVAILABLE"})
		case ecr.HasReason(err, ecr.InvalidParameter):
			out.Failures = append(out.Failures, layerFailure{digest, "InvalidLayerDigest", "Invalid layer digest"})
		default:
			return nil, err
		}
	}
	return out, nil
}

type getDownloadURLForLayerInput struct {
	repositoryInput
	Digest string `api:"layerDigest,required" pattern:"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"`
}

// getDownloadURLForLayer answers the layer's place in the registry, with a token that reads this layer and nothing
// else, for an hour, as the caller, whom every use looks up anew.
func (a *api) getDownloadURLForLayer(ctx context.Context, r *awsapi.Request, in *getDownloadURLForLayerInput) (any, error) {
	content, err := a.ecr.OpenLayer(ctx, r.Caller(), in.name(), in.Digest)
	if err != nil {
		return nil, err
	}
	if err := content.Close(); err != nil {
		return nil, err
	}
	address, err := a.tokens.URL(r, in.ref(r).RegistryID, ociapi.Prefix+in.RepositoryName+"/blobs/"+in.Digest)
	if err != nil {
		return nil, err
	}
	return map[string]string{"downloadUrl": address, "layerDigest": in.Digest}, nil
}
