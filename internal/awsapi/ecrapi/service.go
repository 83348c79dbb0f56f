// Package ecrapi is AWS's API of ECR (2015-09-21, JSON 1.1) over the repositories of internal/ecr: each operation decodes and
// validates its input, makes one call and encodes the answer. Images themselves mostly travel by the OCI protocol (package ociapi).
//
// The input structs are the constraint table: their members, bounds, patterns and enums are those of the service's model.
// What ECR says about them is InvalidParameterException.
//
// # Addresses
//
// proxyEndpoint and repositoryUri name the listener that the request reached, so that what a
// client pushes to is where it got its token.
package ecrapi

import (
	"context"
	"errors"
	"io"

	"coffer.example/aead"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/ociapi"
	"coffer.example/internal/ecr"
)

// maxBody holds a layer part of 20 MiB in base64, or a manifest of 4 MiB whose every byte is escaped.
const maxBody = 32 << 20

// Options configure the service.
type Options struct {
	Service *ecr.Service
	Tokens  *aead.RecordKey // seals page tokens and registry tokens
	Rand    io.Reader       // nil: crypto/rand
}

type api struct {
	ecr    *ecr.Service
	pages  awsapi.Pages
	tokens ociapi.Tokens
}

// New returns the service.
func New(o Options) *awsapi.Service {
	a := &api{o.Service, awsapi.Pages{Key: o.Tokens, Rand: o.Rand}, ociapi.Tokens{Key: o.Tokens, Rand: o.Rand}}
	operations := map[string]awsapi.Operation{}
	for _, group := range []map[string]awsapi.Operation{a.repositories(), a.settings(), a.registry(), a.images(), a.layers()} {
		for name, op := range group {
			operations[name] = op
		}
	}
	return &awsapi.Service{
		Name: "ecr", Protocol: awsapi.JSON, TargetPrefix: "AmazonEC2ContainerRegistry_V20150921", MaxBody: maxBody,
		InternalCode: "ServerException", ValidationCode: "InvalidParameterException", Operations: operations, Errors: wireError,
	}
}

// write builds an operation that changes something, read one that does not.
func write[In any](call func(context.Context, *awsapi.Request, *In) (any, error)) awsapi.Operation {
	return awsapi.Op(call)
}

func read[In any](call func(context.Context, *awsapi.Request, *In) (any, error)) awsapi.Operation {
	return awsapi.ReadOnly(write(call))
}

// invalid is the refusal of a parameter.
func invalid(name, constraint string) error {
	return awsapi.Errorf("InvalidParameterException", "Invalid parameter at '%s' failed to satisfy constraint: '%s'", name, constraint)
}

// codes is the one place that says how a refusal is sent.
var codes = map[ecr.Reason]string{
	ecr.AccessDenied:             "AccessDeniedException",
	ecr.InvalidParameter:         "InvalidParameterException",
	ecr.InvalidTag:               "InvalidTagParameterException",
	ecr.TooManyTags:              "TooManyTagsException",
	ecr.LimitExceeded:            "LimitExceededException",
	ecr.RepositoryNotFound:       "RepositoryNotFoundException",
	ecr.RepositoryExists:         "RepositoryAlreadyExistsException",
	ecr.RepositoryNotEmpty:       "RepositoryNotEmptyException",
	ecr.PolicyNotFound:           "RepositoryPolicyNotFoundException",
	ecr.LifecyclePolicyNotFound:  "LifecyclePolicyNotFoundException",
	ecr.KeyUnavailable:           "KmsException",
	ecr.LayerNotFound:            "LayersNotFoundException",
	ecr.UploadNotFound:           "UploadNotFoundException",
	ecr.InvalidPart:              "InvalidLayerPartException",
	ecr.PartTooSmall:             "LayerPartTooSmallException",
	ecr.EmptyUpload:              "EmptyUploadException",
	ecr.InvalidLayer:             "InvalidLayerException",
	ecr.ImageNotFound:            "ImageNotFoundException",
	ecr.ReferencedImagesNotFound: "ReferencedImagesNotFoundException",
	ecr.DigestMismatch:           "ImageDigestDoesNotMatchException",
	ecr.TagExists:                "ImageTagAlreadyExistsException",
	ecr.InvalidManifest:          "InvalidParameterException",
	ecr.ManifestTooLarge:         "InvalidParameterException",
}

func wireError(err error) *awsapi.Error {
	if errors.Is(err, awsapi.ErrPage) {
		return awsapi.Errorf("InvalidParameterException", "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be the token of a list of the same caller and request'")
	}
	var refusal *ecr.Error
	if !errors.As(err, &refusal) {
		return nil
	}
	code, ok := codes[refusal.Reason]
	if !ok {
		return nil
	}
	out := &awsapi.Error{Code: code, Message: refusal.Message}
	if refusal.KMSCode != "" {
		out.Members = map[string]string{"kmsError": refusal.KMSCode}
	}
	return out
}
