// Package ebsapi is the EBS direct API: writing, reading and comparing snapshots in
// blocks of 512 KiB.
//
// # Tokens
//
// A block token is sealed {snapshot, block, account, expiry}, valid for seven days and
// bound to the account that listed the block; a page token is sealed by awsapi.Pages, for
// an hour. Nothing is stored for either.
//
// # Keys
//
// ListChangedBlocks uses the key as the caller may, as GetSnapshotBlock does: only with it
// can be checked that no change is left out. ListSnapshotBlocks needs none. An upload that
// is gone on with after a restart is opened as whoever goes on with it may.
//
// # Checksums
//
// PutSnapshotBlock admits an unsigned payload: its x-amz-Checksum is signed, and is
// compared with the body here. GetSnapshotBlock answers with the digest of what was
// read, which was authenticated on its way.
package ebsapi

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strconv"
	"strings"

	"coffer.example/aead"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
	"coffer.example/internal/iam"
)

// Options configure the service.
type Options struct {
	Service *ec2.Service
	Tokens  *aead.RecordKey // seals block and page tokens
	Rand    io.Reader       // nil: crypto/rand
}

// maxBody admits one block.
const maxBody = ec2.SnapshotBlockSize + 4<<10

// api is what the operations share.
type api struct {
	ec2        *ec2.Service
	tokens     *aead.RecordKey
	rand       io.Reader
	pages      awsapi.Pages
	authorizer *awsapi.Authorizer
}

func newAPI(o Options) *api {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &api{ec2: o.Service, tokens: o.Tokens, rand: o.Rand, pages: awsapi.Pages{Key: o.Tokens, Rand: o.Rand, Lifetime: pageLifetime}, authorizer: awsapi.NewAuthorizer()}
}

// New returns the service.
func New(o Options) *awsapi.Service {
	a := newAPI(o)
	put := a.operation("PUT /snapshots/{SnapshotId}/blocks/{BlockIndex}", a.putBlock)
	put.UnsignedPayload = true
	return &awsapi.Service{
		Name: "ebs", Protocol: awsapi.REST, Version: "2019-11-02", MaxBody: maxBody, InternalCode: "InternalServerException", Errors: wireError,
		Operations: map[string]awsapi.Operation{
			"StartSnapshot":      a.operation("POST /snapshots", a.startSnapshot),
			"PutSnapshotBlock":   put,
			"CompleteSnapshot":   a.operation("POST /snapshots/completion/{SnapshotId}", a.completeSnapshot),
			"ListSnapshotBlocks": awsapi.ReadOnly(a.operation("GET /snapshots/{SnapshotId}/blocks", a.listBlocks)),
			"ListChangedBlocks":  awsapi.ReadOnly(a.operation("GET /snapshots/{SecondSnapshotId}/changedblocks", a.listChanged)),
			"GetSnapshotBlock":   awsapi.ReadOnly(a.operation("GET /snapshots/{SnapshotId}/blocks/{BlockIndex}", a.getBlock)),
		},
	}
}

// operation makes an operation that is authorised for the snapshots its path and query name.
func (a *api) operation(route string, run func(ctx context.Context, r *awsapi.Request) (*awsapi.RESTAnswer, error)) awsapi.Operation {
	return awsapi.Operation{Route: route, Call: func(ctx context.Context, r *awsapi.Request, _ any) (any, error) {
		ids := []string{r.Vars["SnapshotId"], r.Vars["SecondSnapshotId"], r.HTTP.URL.Query().Get("firstSnapshotId")}
		if r.Operation == "StartSnapshot" {
			ids = []string{"*"}
		}
		for _, id := range ids {
			if id == "" {
				continue
			}
			if id != "*" && !validID(id) {
				return nil, invalid("INVALID_SNAPSHOT_ID", "The snapshot id '%.70s' is malformed", id)
			}
			if err := a.authorize(r, id); err != nil {
				return nil, err
			}
		}
		answer, err := run(ctx, r)
		if err != nil {
			return nil, err
		}
		return answer, nil
	}}
}

// validID is the pattern of AWS's model.
func validID(id string) bool {
	digits, ok := strings.CutPrefix(id, "snap-")
	return ok && digits != "" && len(id) <= 64 && strings.Trim(digits, "0123456789abcdef") == ""
}

func (a *api) authorize(r *awsapi.Request, id string) error {
	decision, request, err := a.authorizer.Decide(r, awsapi.Access{
		Action: "ebs:" + r.Operation, Resource: "arn:aws:ec2:" + r.Region + "::snapshot/" + id, Rule: iam.IdentityOnly,
	})
	if err != nil || decision.Allowed {
		return err
	}
	return &awsapi.Error{Code: "AccessDeniedException", Message: decision.Message(request), Status: http.StatusForbidden, Members: map[string]string{"Reason": "UNAUTHORIZED_ACCOUNT"}}
}

// invalid is a ValidationException.
func invalid(reason, format string, args ...any) error {
	e := awsapi.Errorf("ValidationException", format, args...)
	e.Members = map[string]string{"Reason": reason}
	return e
}

// number reads an integer of a header, the query or the path; absent if it is not given.
func number(text, name string, absent, low, high int64) (int64, error) {
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		return 0, invalid("INVALID_PARAMETER_VALUE", "Value '%.40s' at '%s' is not an integer between %d and %d", text, name, low, high)
	}
	return n, nil
}
