package ecrapi

import (
	"context"
	"errors"
	"slices"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ecr"
)

func (a *api) images() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"PutImage":         write(a.putImage),
		"BatchGetImage":    read(a.batchGetImage),
		"BatchDeleteImage": write(a.batchDeleteImage),
		"ListImages":       read(a.listImages),
		"DescribeImages":   read(a.describeImages),
	}
}

type imageID struct {
	Digest string `api:"imageDigest" json:"imageDigest,omitempty"`
	Tag    string `api:"imageTag" len:"1..300" json:"imageTag,omitempty"`
}

func (id imageID) domain() ecr.ImageID { return ecr.ImageID{Tag: id.Tag, Digest: id.Digest} }

type image struct {
	repositoryRef
	ID        imageID `json:"imageId"`
	Manifest  string  `json:"imageManifest"`
	MediaType string  `json:"imageManifestMediaType"`
}

type putImageInput struct {
	repositoryInput
	Manifest  string `api:"imageManifest,required" len:"1..4194304"`
	MediaType string `api:"imageManifestMediaType"`
	Tag       string `api:"imageTag" len:"1..300"`
	Digest    string `api:"imageDigest"`
}

func (a *api) putImage(ctx context.Context, r *awsapi.Request, in *putImageInput) (any, error) {
	var tags []string
	if in.Tag != "" {
		tags = []string{in.Tag}
	}
	out, err := a.ecr.PutImage(ctx, r.Caller(), ecr.PutImageInput{
		Name: in.name(), Content: []byte(in.Manifest), MediaType: in.MediaType, Tags: tags, Digest: in.Digest,
	})
	if err != nil {
		return nil, err
	}
	if out.Unchanged {
		return nil, awsapi.Errorf("ImageAlreadyExistsException", "Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'",
			out.Image.Digest, in.Tag, in.RepositoryName, in.ref(r).RegistryID)
	}
	return struct {
		Image image `json:"image"`
	}{image{in.ref(r), imageID{out.Image.Digest, in.Tag}, in.Manifest, out.Image.MediaType}}, nil
}

type imagesInput struct {
	repositoryInput
	IDs []imageID `api:"imageIds,required" len:"1..100"`
}

type imageFailure struct {
	ID     imageID `json:"imageId"`
	Code   string  `json:"failureCode"`
	Reason string  `json:"failureReason"`
}

// failure returns how one image of a batch failed, nil if the whole batch does.
func failure(id imageID, err error) *imageFailure {
	var refusal *ecr.Error
	switch {
	case errors.Is(err, ecr.ErrReferenced):
		return &imageFailure{id, "ImageReferencedByManifestList", "Requested image referenced by manifest list"}
	case !errors.As(err, &refusal):
		return nil
	case refusal.Reason == ecr.ImageNotFound && id.Tag != "" && id.Digest != "":
		return &imageFailure{id, "ImageTagDoesNotMatchDigest", "Requested tag does not match the digest"}
	case refusal.Reason == ecr.ImageNotFound:
		return &imageFailure{id, "ImageNotFound", "Requested image not found"}
	case refusal.Reason == ecr.KeyUnavailable:
		return &imageFailure{id, "KmsError", refusal.KMSCode + ": " + refusal.Message}
	}
	return nil
}

// checkID finds what is wrong with the id itself.
func checkID(id imageID) *imageFailure {
	switch {
	case id.Digest == "" && id.Tag == "":
		return &imageFailure{id, "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"}
	case id.Digest != "" && !ecr.ValidDigest(id.Digest):
		return &imageFailure{id, "InvalidImageDigest", "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"}
	case id.Tag != "" && !ecr.ValidTag(id.Tag):
		return &imageFailure{id, "InvalidImageTag", "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'"}
	}
	return nil
}

type batchGetImageInput struct {
	imagesInput
	Accepted []string `api:"acceptedMediaTypes" len:"1..100"`
}

func (a *api) batchGetImage(ctx context.Context, r *awsapi.Request, in *batchGetImageInput) (any, error) {
	out := struct {
		Images   []image        `json:"images"`
		Failures []imageFailure `json:"failures"`
	}{[]image{}, []imageFailure{}}
	for _, id := range in.IDs {
		if wrong := checkID(id); wrong != nil {
			out.Failures = append(out.Failures, *wrong)
			continue
		}
		found, content, err := a.ecr.GetImage(ctx, r.Caller(), in.name(), id.domain())
		if err != nil {
			failed := failure(id, err)
			if failed == nil {
				return nil, err
			}
			out.Failures = append(out.Failures, *failed)
			continue
		}
		if in.Accepted != nil && !slices.Contains(in.Accepted, found.MediaType) {
			out.Failures = append(out.Failures, imageFailure{id, "ImageNotFound", "Requested image has the media type " + found.MediaType + ", which is not accepted"})
			continue
		}
		id.Digest = found.Digest
		out.Images = append(out.Images, image{in.ref(r), id, string(content), found.MediaType})
	}
	return out, nil
}

func (a *api) batchDeleteImage(ctx context.Context, r *awsapi.Request, in *imagesInput) (any, error) {
	out := struct {
		IDs      []imageID      `json:"imageIds"`
		Failures []imageFailure `json:"failures"`
	}{[]imageID{}, []imageFailure{}}
	for _, id := range in.IDs {
		if wrong := checkID(id); wrong != nil {
			out.Failures = append(out.Failures, *wrong)
			continue
		}
		gone, err := a.ecr.DeleteImage(ctx, r.Caller(), in.name(), id.domain(), true)
		if err != nil {
			failed := failure(id, err)
			if failed == nil {
				return nil, err
			}
			out.Failures = append(out.Failures, *failed)
		}
		for _, one := range gone {
			out.IDs = append(out.IDs, imageID{one.Digest, one.Tag})
		}
	}
	return out, nil
}

type imageFilter struct {
	TagStatus   string `api:"tagStatus" enum:"TAGGED|UNTAGGED|ANY"`
	ImageStatus string `api:"imageStatus" enum:"ACTIVE|ARCHIVED|ACTIVATING|ANY"`
}

// archived says that only images are asked for of a status that none has here.
func (f *imageFilter) archived() bool {
	return f != nil && (f.ImageStatus == "ARCHIVED" || f.ImageStatus == "ACTIVATING")
}

func (f *imageFilter) status() ecr.TagStatus {
	if f == nil {
		return ecr.AnyTagStatus
	}
	return map[string]ecr.TagStatus{"TAGGED": ecr.Tagged, "UNTAGGED": ecr.Untagged}[f.TagStatus]
}

type listImagesInput struct {
	repositoryInput
	pageInput
	Filter *imageFilter `api:"filter"`
}

// page reads a page of images; every image counts once, whatever tags it has.
func (a *api) page(ctx context.Context, r *awsapi.Request, in *listImagesInput, action string) ([]ecr.ImageDetail, string, error) {
	selects := []string{in.RegistryID, in.RepositoryName, ""}
	if in.Filter != nil {
		selects[2] = in.Filter.TagStatus + "/" + in.Filter.ImageStatus
	}
	after, err := a.after(r, &in.pageInput, selects...)
	if err != nil {
		return nil, "", err
	}
	found, more, err := a.ecr.DescribeImages(ctx, r.Caller(), in.name(), in.Filter.status(), after, in.limit(), action)
	if err != nil || in.Filter.archived() || len(found) == 0 {
		return nil, "", err
	}
	token, err := a.next(r, more, found[len(found)-1].Digest, selects...)
	return found, token, err
}

func (a *api) listImages(ctx context.Context, r *awsapi.Request, in *listImagesInput) (any, error) {
	found, token, err := a.page(ctx, r, in, "ecr:ListImages")
	out := struct {
		IDs       []imageID `json:"imageIds"`
		NextToken string    `json:"nextToken,omitempty"`
	}{[]imageID{}, token}
	for _, one := range found {
		if len(one.ImageTags) == 0 {
			out.IDs = append(out.IDs, imageID{Digest: one.Digest})
		}
		for _, tag := range one.ImageTags {
			out.IDs = append(out.IDs, imageID{one.Digest, tag})
		}
	}
	return out, err
}

type imageDetail struct {
	repositoryRef
	Digest            string         `json:"imageDigest"`
	Tags              []string       `json:"imageTags,omitempty"`
	Size              int64          `json:"imageSizeInBytes"`
	PushedAt          awsapi.Seconds `json:"imagePushedAt"`
	MediaType         string         `json:"imageManifestMediaType"`
	ArtifactMediaType string         `json:"artifactMediaType,omitempty"`
	Subject           string         `json:"subjectManifestDigest,omitempty"`
	Status            string         `json:"imageStatus"`
}

func (in *listImagesInput) detail(r *awsapi.Request, d *ecr.ImageDetail) imageDetail {
	artifact := d.ArtifactType
	if artifact == "" {
		artifact = d.ConfigType
	}
	return imageDetail{
		repositoryRef: in.ref(r), Digest: d.Digest, Tags: d.ImageTags, Size: d.ImageSize, PushedAt: awsapi.Seconds(d.Pushed.Truncate(time.Millisecond)),
		MediaType: d.MediaType, ArtifactMediaType: artifact, Subject: d.Subject, Status: "ACTIVE",
	}
}

type describeImagesInput struct {
	listImagesInput
	IDs []imageID `api:"imageIds" len:"1..100"`
}

func (a *api) describeImages(ctx context.Context, r *awsapi.Request, in *describeImagesInput) (any, error) {
	out := struct {
		Details   []imageDetail `json:"imageDetails"`
		NextToken string        `json:"nextToken,omitempty"`
	}{Details: []imageDetail{}}
	if in.IDs == nil {
		found, token, err := a.page(ctx, r, &in.listImagesInput, "ecr:DescribeImages")
		for i := range found {
			out.Details = append(out.Details, in.detail(r, &found[i]))
		}
		out.NextToken = token
		return out, err
	}
	if in.NextToken != "" || in.MaxResults != nil {
		return nil, invalid("imageIds", "must not be given together with nextToken or maxResults")
	}
	for _, id := range in.IDs {
		found, err := a.ecr.DescribeImage(ctx, r.Caller(), in.name(), id.domain())
		if err != nil {
			return nil, err
		}
		out.Details = append(out.Details, in.detail(r, found))
	}
	return out, nil
}
