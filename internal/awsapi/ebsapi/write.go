package ebsapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/shape"
	"coffer.example/internal/awsapi/strictjson"
	"coffer.example/internal/ec2"
	"coffer.example/snapshot"
)

type tag struct {
	Key   string `api:"Key" json:"Key"`
	Value string `api:"Value" json:"Value"`
}

type startInput struct {
	VolumeSize       int    `api:"VolumeSize,required"`
	ParentSnapshotID string `api:"ParentSnapshotId"`
	Tags             []tag  `api:"Tags"`
	Description      string `api:"Description"`
	ClientToken      string `api:"ClientToken"`
	Encrypted        *bool  `api:"Encrypted"`
	KMSKeyARN        string `api:"KmsKeyArn"`
	Timeout          *int   `api:"Timeout"`
}

// started is StartSnapshot's answer.
type started struct {
	Description      string         `json:"Description,omitempty"`
	SnapshotID       string         `json:"SnapshotId"`
	OwnerID          string         `json:"OwnerId"`
	Status           string         `json:"Status"`
	StartTime        awsapi.Seconds `json:"StartTime"`
	VolumeSize       int            `json:"VolumeSize"`
	BlockSize        int            `json:"BlockSize"`
	Tags             []tag          `json:"Tags,omitempty"`
	ParentSnapshotID string         `json:"ParentSnapshotId,omitempty"`
	KMSKeyARN        string         `json:"KmsKeyArn,omitempty"`
	SSEType          string         `json:"SseType,omitempty"`
}

func (a *api) startSnapshot(ctx context.Context, r *awsapi.Request) (*awsapi.RESTAnswer, error) {
	tree, err := strictjson.Parse(r.Body)
	if err != nil {
		return nil, err
	}
	var in startInput
	if err := shape.Of[startInput]().Decode(tree, &in); err != nil {
		return nil, err
	}
	request := ec2.UploadRequest{
		SizeGiB: in.VolumeSize, ParentID: in.ParentSnapshotID, Description: in.Description, KeyID: in.KMSKeyARN,
		Tags: ec2.Tags{}, ClientToken: in.ClientToken,
	}
	if in.Encrypted != nil {
		if request.Encrypted = snapshot.False; *in.Encrypted {
			request.Encrypted = snapshot.True
		}
	}
	if in.Timeout != nil {
		request.Timeout = max(time.Duration(*in.Timeout), 1) * time.Minute // 0 is not the default: it is too short
	}
	for _, t := range in.Tags {
		request.Tags[t.Key] = t.Value
	}
	snap, err := a.ec2.StartSnapshot(ctx, r.Caller(), request)
	if err != nil {
		return nil, err
	}
	out := started{
		Description: snap.Description, SnapshotID: snap.ID, OwnerID: snap.Owner, Status: string(snap.State), StartTime: awsapi.Seconds(snap.Started),
		VolumeSize: snap.SizeGiB, BlockSize: ec2.SnapshotBlockSize, Tags: in.Tags, ParentSnapshotID: snap.Upload.ParentID, KMSKeyARN: snap.KeyARN,
	}
	if snap.Encrypted {
		out.SSEType = "sse-kms"
	}
	return &awsapi.RESTAnswer{Status: http.StatusCreated, JSON: out}, nil
}

// checksum reads the digest of a header; nil if there is none.
func checksum(r *awsapi.Request) ([]byte, error) {
	text := r.HTTP.Header.Get("X-Amz-Checksum")
	if text == "" {
		return nil, nil
	}
	if algorithm := r.HTTP.Header.Get("X-Amz-Checksum-Algorithm"); algorithm != "SHA256" {
		return nil, invalid("INVALID_PARAMETER_VALUE", "Value '%.40s' at 'checksumAlgorithm' is not SHA256", algorithm)
	}
	sum, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sum) != sha256.Size {
		return nil, invalid("INVALID_PARAMETER_VALUE", "The checksum is not the base64 of a SHA256 digest")
	}
	return sum, nil
}

func (a *api) putBlock(ctx context.Context, r *awsapi.Request) (*awsapi.RESTAnswer, error) {
	index, err := number(r.Vars["BlockIndex"], "blockIndex", 0, 0, 1<<40)
	if err != nil {
		return nil, err
	}
	want, err := checksum(r)
	if err != nil {
		return nil, err
	}
	if want == nil {
		return nil, invalid("INVALID_PARAMETER_VALUE", "The header x-amz-Checksum is required")
	}
	length, err := number(r.HTTP.Header.Get("X-Amz-Data-Length"), "dataLength", -1, 0, 1<<31)
	if err != nil {
		return nil, err
	}
	if length != ec2.SnapshotBlockSize || len(r.Body) != ec2.SnapshotBlockSize {
		return nil, invalid("INVALID_BLOCK", "The data length is %d and the body has %d bytes; both must be %d", length, len(r.Body), ec2.SnapshotBlockSize)
	}
	sum := sha256.Sum256(r.Body)
	if subtle.ConstantTimeCompare(sum[:], want) != 1 {
		return nil, invalid("INVALID_BLOCK", "The checksum does not match the block data")
	}
	if err := a.ec2.PutSnapshotBlock(ctx, r.Caller(), r.Vars["SnapshotId"], index, r.Body); err != nil {
		return nil, err
	}
	return &awsapi.RESTAnswer{Status: http.StatusCreated, Header: sumHeader(sum[:])}, nil
}

func sumHeader(sum []byte) http.Header {
	h := http.Header{}
	h.Set("X-Amz-Checksum", base64.StdEncoding.EncodeToString(sum))
	h.Set("X-Amz-Checksum-Algorithm", "SHA256")
	return h
}

func (a *api) completeSnapshot(ctx context.Context, r *awsapi.Request) (*awsapi.RESTAnswer, error) {
	text := r.HTTP.Header.Get("X-Amz-Changedblockscount")
	if text == "" {
		return nil, invalid("INVALID_PARAMETER_VALUE", "The header x-amz-ChangedBlocksCount is required")
	}
	changed, err := number(text, "changedBlocksCount", 0, 0, 1<<40)
	if err != nil {
		return nil, err
	}
	sum, err := checksum(r)
	if err != nil {
		return nil, err
	}
	if method := r.HTTP.Header.Get("X-Amz-Checksum-Aggregation-Method"); sum != nil && method != "LINEAR" {
		return nil, invalid("INVALID_PARAMETER_VALUE", "Value '%.40s' at 'checksumAggregationMethod' is not LINEAR", method)
	}
	snap, err := a.ec2.CompleteSnapshot(ctx, r.Caller(), r.Vars["SnapshotId"], changed, sum)
	if err != nil {
		return nil, err
	}
	return &awsapi.RESTAnswer{Status: http.StatusAccepted, JSON: map[string]string{"Status": string(snap.State)}}, nil
}
