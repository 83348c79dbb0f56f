package ebsapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"strings"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// The bounds of maxResults.
const (
	minResults = 100
	maxResults = 10_000
)

// list is the answer of both lists.
type list struct {
	Blocks        []block        `json:"Blocks,omitempty"`
	ChangedBlocks []changed      `json:"ChangedBlocks,omitempty"`
	ExpiryTime    awsapi.Seconds `json:"ExpiryTime"`
	VolumeSize    int            `json:"VolumeSize"`
	BlockSize     int            `json:"BlockSize"`
	NextToken     string         `json:"NextToken,omitempty"`
}

type block struct {
	BlockIndex int64  `json:"BlockIndex"`
	BlockToken string `json:"BlockToken"`
}

type changed struct {
	BlockIndex       int64  `json:"BlockIndex"`
	FirstBlockToken  string `json:"FirstBlockToken,omitempty"`
	SecondBlockToken string `json:"SecondBlockToken,omitempty"`
}

// page reads where a list goes on: at pageToken, else at startingBlockIndex.
func (a *api) page(r *awsapi.Request, selects ...string) (from int64, limit int, err error) {
	q := r.HTTP.URL.Query()
	n, err := number(q.Get("maxResults"), "maxResults", maxResults, minResults, maxResults)
	if err != nil {
		return 0, 0, err
	}
	if from, err = number(q.Get("startingBlockIndex"), "startingBlockIndex", 0, 0, 1<<40); err != nil {
		return 0, 0, err
	}
	if token := q.Get("pageToken"); token != "" {
		at, err := a.pages.Open(r, strings.NewReplacer("+", "-", "/", "_").Replace(token), selects...)
		if errors.Is(err, awsapi.ErrPage) {
			return 0, 0, invalid("INVALID_PAGE_TOKEN", "The page token is invalid or has expired")
		}
		if err != nil {
			return 0, 0, err
		}
		if from, err = number(at, "pageToken", 0, 0, 1<<40); err != nil {
			return 0, 0, err
		}
	}
	return from, int(n), nil
}

// next seals the page after a list. The API's tokens are of the standard base64
// alphabet, those of Pages of the one for URLs.
func (a *api) next(r *awsapi.Request, l ec2.BlockList, selects ...string) (string, error) {
	if l.Next < 0 {
		return "", nil
	}
	token, err := a.pages.Seal(r, strconv.FormatInt(l.Next, 10), selects...)
	return strings.NewReplacer("-", "+", "_", "/").Replace(token), err
}

func newList(r *awsapi.Request, l ec2.BlockList) (list, time.Time) {
	expires := r.Time.Add(blockTokenLifetime).Truncate(time.Second)
	return list{ExpiryTime: awsapi.Seconds(expires), VolumeSize: l.Snapshot.SizeGiB, BlockSize: ec2.SnapshotBlockSize}, expires
}

func (a *api) listBlocks(ctx context.Context, r *awsapi.Request) (*awsapi.RESTAnswer, error) {
	id := r.Vars["SnapshotId"]
	from, limit, err := a.page(r, id)
	if err != nil {
		return nil, err
	}
	found, err := a.ec2.SnapshotBlocks(ctx, r.Caller(), id, from, limit)
	if err != nil {
		return nil, err
	}
	out, expires := newList(r, found)
	for _, index := range found.Indexes {
		token, err := a.blockToken(r, id, index, expires)
		if err != nil {
			return nil, err
		}
		out.Blocks = append(out.Blocks, block{index, token})
	}
	out.NextToken, err = a.next(r, found, id)
	return &awsapi.RESTAnswer{JSON: out}, err
}

func (a *api) listChanged(ctx context.Context, r *awsapi.Request) (*awsapi.RESTAnswer, error) {
	first, second := r.HTTP.URL.Query().Get("firstSnapshotId"), r.Vars["SecondSnapshotId"]
	from, limit, err := a.page(r, first, second)
	if err != nil {
		return nil, err
	}
	found, err := a.ec2.ChangedBlocks(ctx, r.Caller(), first, second, from, limit)
	if err != nil {
		return nil, err
	}
	out, expires := newList(r, found)
	for _, index := range found.Indexes {
		c := changed{BlockIndex: index}
		if c.SecondBlockToken, err = a.blockToken(r, second, index, expires); err != nil {
			return nil, err
		}
		if first != "" {
			if c.FirstBlockToken, err = a.blockToken(r, first, index, expires); err != nil {
				return nil, err
			}
		}
		out.ChangedBlocks = append(out.ChangedBlocks, c)
	}
	out.NextToken, err = a.next(r, found, first, second)
	return &awsapi.RESTAnswer{JSON: out}, err
}

func (a *api) getBlock(ctx context.Context, r *awsapi.Request) (*awsapi.RESTAnswer, error) {
	id := r.Vars["SnapshotId"]
	index, err := number(r.Vars["BlockIndex"], "blockIndex", 0, 0, 1<<40)
	if err != nil {
		return nil, err
	}
	if err := a.checkBlockToken(r, id, index, r.HTTP.URL.Query().Get("blockToken")); err != nil {
		return nil, err
	}
	data := make([]byte, ec2.SnapshotBlockSize)
	if err := a.ec2.SnapshotBlock(ctx, r.Caller(), id, index, data); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	header := sumHeader(sum[:])
	header.Set("X-Amz-Data-Length", strconv.Itoa(len(data)))
	return &awsapi.RESTAnswer{Header: header, Body: data}, nil
}
