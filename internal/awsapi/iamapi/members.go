package iamapi

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

// userName and roleName are the inputs that name an entity; others embed them.
type userName struct {
	UserName string `api:"UserName,required" len:"1..128"`
}

// attachedUser is a userName in the operations on attached policies, whose model allows less.
type attachedUser struct {
	UserName string `api:"UserName,required" len:"1..64"`
}

type roleName struct {
	RoleName string `api:"RoleName,required" len:"1..64"`
}

// named is either, for the operations that exist for both.
type named interface {
	userName | attachedUser | roleName
	ref(c *call) iam.Ref
	arn(ctx context.Context, c *call) (string, error)
}

func (n userName) ref(c *call) iam.Ref     { return c.ref(iam.User, n.UserName) }
func (n attachedUser) ref(c *call) iam.Ref { return userName(n).ref(c) }
func (n roleName) ref(c *call) iam.Ref     { return c.ref(iam.Role, n.RoleName) }

func (n userName) arn(ctx context.Context, c *call) (string, error) {
	return c.entityARN(ctx, n.ref(c))
}
func (n attachedUser) arn(ctx context.Context, c *call) (string, error) {
	return userName(n).arn(ctx, c)
}
func (n roleName) arn(ctx context.Context, c *call) (string, error) {
	return c.entityARN(ctx, n.ref(c))
}

// entityARN returns the ARN of a user or role, under the path "/" if it does not exist.
func (c *call) entityARN(ctx context.Context, ref iam.Ref) (string, error) {
	e, err := c.directory.Get(ctx, ref)
	switch {
	case errors.Is(err, iam.ErrNotFound), errors.Is(err, iam.ErrInvalid):
		e = iam.Entity{Ref: ref, Path: "/"}
	case err != nil:
		return "", err
	}
	return e.ARN(), nil
}

// policyARN is the input that names a managed policy.
type policyARN struct {
	PolicyARN string `api:"PolicyArn,required" len:"20..2048"`
}

func (p policyARN) arn(context.Context, *call) (string, error) { return p.PolicyARN, nil }

// paging is the part of a list that an input asks for.
type paging struct {
	Marker   string `api:"Marker,sensitive" len:"1..320"`
	MaxItems *int   `api:"MaxItems" range:"1..1000"`
}

// pathPrefix selects by path.
type pathPrefix struct {
	PathPrefix string `api:"PathPrefix" len:"1..512"`
}

// page turns the input of a list into the directory's; selects is what else the list depends on.
func (c *call) page(in paging, prefix string, selects ...string) (iam.Page, error) {
	p := iam.Page{PathPrefix: prefix}
	if in.MaxItems != nil {
		p.Limit = *in.MaxItems
	}
	if in.Marker == "" {
		return p, nil
	}
	var err error
	p.After, err = c.pages.Open(c.Request, in.Marker, append([]string{prefix}, selects...)...)
	return p, err
}

// truncation ends every list.
type truncation struct {
	IsTruncated bool   `xml:"IsTruncated"`
	Marker      string `xml:"Marker,omitempty"`
}

// whole is the end of a list that came whole.
var whole = truncation{}

// more returns the end of a list after which there may be more, beginning after last.
func (c *call) more(more bool, last, prefix string, selects ...string) (truncation, error) {
	if !more {
		return whole, nil
	}
	marker, err := c.pages.Seal(c.Request, last, append([]string{prefix}, selects...)...)
	return truncation{true, marker}, err
}

// stamp is a time as IAM sends it: whole seconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// encodeDocument percent-encodes a policy document, as IAM returns them.
func encodeDocument(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// list makes the answer's list out of the directory's.
func list[From, To any](from []From, convert func(*From) To) awsapi.Members[To] {
	out := awsapi.Members[To]{Member: make([]To, len(from))}
	for i := range from {
		out.Member[i] = convert(&from[i])
	}
	return out
}
