package ec2api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// pageTokenLifetime is how long a page can be asked for after the one before it.
const pageTokenLifetime = 24 * time.Hour

// The bounds of MaxResults.
const (
	minResults = 5
	maxResults = 1000
)

// pageToken is what a NextToken says, sealed.
type pageToken struct {
	Operation, Account, Principal, Region string
	Query                                 string // hash of everything that selects
	Cursor                                string
	Expires                               time.Time
}

// filters reads the filters of a Describe.
func (c *call) filters() []ec2.Filter {
	var out []ec2.Filter
	for _, f := range c.List("Filter") {
		out = append(out, ec2.Filter{Name: f.Required("Name"), Values: f.Strings("Value")})
	}
	return out
}

// page reads the ids, filters and page of a Describe. selects is what else the list
// depends on.
func (c *call) page(ids []string, selects ...any) (ec2.Query, error) {
	q := ec2.Query{IDs: ids, Filters: c.filters(), Limit: int(c.Int("MaxResults", 0))}
	token := c.String("NextToken")
	if err := c.done(); err != nil {
		return q, err
	}
	_, given := c.Value("MaxResults")
	switch {
	case given && len(ids) > 0:
		return q, awsapi.Errorf("InvalidParameterCombination", "The parameter MaxResults cannot be used with ids in the same request.")
	case given && q.Limit < minResults:
		return q, awsapi.Errorf("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than %d.", q.Limit, minResults)
	}
	q.Limit = min(q.Limit, maxResults)
	if token == "" {
		return q, nil
	}
	at, err := c.openToken(token)
	if err != nil || at.Query != c.selection(q, selects) || at.Expires.Before(c.now) {
		return q, awsapi.Errorf("InvalidNextToken", "The token is invalid, has expired, or belongs to another request.")
	}
	q.Cursor = at.Cursor
	return q, nil
}

// next seals the token of the page after one, nil at the end.
func (c *call) next(q ec2.Query, cursor string, selects ...any) (*string, error) {
	if cursor == "" {
		return nil, nil
	}
	raw, err := json.Marshal(pageToken{
		Operation: c.name, Account: c.caller.Account, Principal: c.caller.ARN, Region: c.caller.Region,
		Query: c.selection(q, selects), Cursor: cursor, Expires: c.now.Add(pageTokenLifetime),
	})
	if err != nil {
		return nil, err
	}
	sealed, err := c.api.tokens.Seal(c.api.rand, nil, raw, []byte(tokenAAD))
	if err != nil {
		return nil, err
	}
	text := base64.URLEncoding.EncodeToString(sealed)
	return &text, nil
}

// tokenAAD keeps page tokens apart from other tokens under the same key.
const tokenAAD = "ec2 page"

func (c *call) openToken(text string) (pageToken, error) {
	var out pageToken
	sealed, err := base64.URLEncoding.DecodeString(text)
	if err != nil {
		return out, err
	}
	raw, err := c.api.tokens.Open(nil, sealed, []byte(tokenAAD))
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, err
	}
	if out.Operation != c.name || out.Account != c.caller.Account || out.Principal != c.caller.ARN || out.Region != c.caller.Region {
		return out, awsapi.Errorf("InvalidNextToken", "The token belongs to another request.")
	}
	return out, nil
}

// selection is a digest of what a list depends on but for its page.
func (c *call) selection(q ec2.Query, selects []any) string {
	raw, _ := json.Marshal([]any{q.IDs, q.Filters, selects}) // strings and lists of strings
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
