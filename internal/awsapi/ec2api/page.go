package ec2api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// The bounds of MaxResults.
const (
	minResults = 5
	maxResults = 1000
)

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
	if err := c.Done(); err != nil {
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
	var err error
	if q.Cursor, err = c.api.pages.Open(c.request, token, c.selection(q, selects)); err != nil {
		return q, awsapi.Errorf("InvalidNextToken", "The token is invalid, has expired, or belongs to another request.")
	}
	return q, nil
}

// next seals the token of the page after one, nil at the end.
func (c *call) next(q ec2.Query, cursor string, selects ...any) (*string, error) {
	if cursor == "" {
		return nil, nil
	}
	token, err := c.api.pages.Seal(c.request, cursor, c.selection(q, selects))
	return &token, err
}

// selection is a digest of what a list depends on but for its page.
func (c *call) selection(q ec2.Query, selects []any) string {
	raw, _ := json.Marshal([]any{q.IDs, q.Filters, selects}) // strings and lists of strings
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
