package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"coffer.example/bench"
	"coffer.example/internal/awsapi/sigv4"
	"coffer.example/internal/ec2"
)

// unsignedPayload says that a request's body is not part of its signature.
const unsignedPayload = "UNSIGNED-PAYLOAD"

// ebsRequest sends a signed request of the EBS direct API and returns the answer's body.
func (r *ebsRig) ebsRequest(ctx context.Context, client *http.Client, method, path string, header http.Header, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	hash := sigv4.PayloadHash(body)
	if header != nil {
		request.Header, hash = header, unsignedPayload
	}
	request.Header.Set("X-Amz-Content-Sha256", hash)
	if err := sigv4.Sign(request, sigv4.Key{AccessKeyID: "test", Secret: "test"}, "ebs", r.region, hash, time.Now()); err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	out, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, out)
	}
	return out, err
}

// benchClient keeps a connection for each of n requests at once.
func benchClient(n int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n, DisableCompression: true}}
}

// listSource gets the tokens with which the snapshot's blocks are read.
func (r *ebsRig) listSource(ctx context.Context) error {
	raw, err := r.ebsRequest(ctx, http.DefaultClient, http.MethodGet, "/snapshots/"+r.source+"/blocks", nil, nil)
	if err != nil {
		return err
	}
	var list struct{ Blocks []struct{ BlockToken string } }
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	if len(list.Blocks) != int(r.size/ec2.SnapshotBlockSize) {
		return fmt.Errorf("the snapshot lists %d blocks", len(list.Blocks))
	}
	for _, b := range list.Blocks {
		r.tokens = append(r.tokens, b.BlockToken)
	}
	return nil
}

// puts writes n blocks at once through the API.
func (r *ebsRig) puts(ctx context.Context, n int) bench.Worker {
	client, block := benchClient(n), make([]byte, ec2.SnapshotBlockSize)
	copy(block, "a block that is written")
	sum := sha256.Sum256(block)
	checksum := base64.StdEncoding.EncodeToString(sum[:])
	return bench.Worker{Batch: n, Close: closeIdle(client), Run: func() error {
		return atOnce(n, func(i int) error {
			header := http.Header{}
			header.Set("X-Amz-Data-Length", strconv.Itoa(len(block)))
			header.Set("X-Amz-Checksum", checksum)
			header.Set("X-Amz-Checksum-Algorithm", "SHA256")
			_, err := r.ebsRequest(ctx, client, http.MethodPut, "/snapshots/"+r.upload+"/blocks/"+strconv.Itoa(i), header, block)
			return err
		})
	}}
}

// gets reads n blocks at once through the API.
func (r *ebsRig) gets(ctx context.Context, n int) bench.Worker {
	client := benchClient(n)
	return bench.Worker{Batch: n, Close: closeIdle(client), Run: func() error {
		return atOnce(n, func(i int) error {
			index := i % len(r.tokens)
			path := "/snapshots/" + r.source + "/blocks/" + strconv.Itoa(index) + "?blockToken=" + url.QueryEscape(r.tokens[index])
			_, err := r.ebsRequest(ctx, client, http.MethodGet, path, nil, nil)
			return err
		})
	}}
}

func closeIdle(client *http.Client) func() error {
	return func() error { client.CloseIdleConnections(); return nil }
}
