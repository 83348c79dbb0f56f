package rdsapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/rds"
)

const minRecords = 20 // AWS

// paged reads the name, filters and page of a Describe, and ends the reading. selects is what else the list depends on.
func (c *call) paged(name string, selects ...any) (rds.Query, error) {
	q := rds.Query{Name: c.String(name), Limit: int(c.Int("MaxRecords", rds.MaxPage))}
	for _, f := range append(c.List("Filters.Filter"), c.List("Filters.member")...) {
		q.Filters = append(q.Filters, rds.Filter{Name: f.Required("Name"), Values: append(f.Strings("Values.Value"), f.Strings("Values.member")...)})
	}
	marker := c.String("Marker")
	if err := c.Done(); err != nil {
		return q, err
	}
	if q.Limit < minRecords || q.Limit > rds.MaxPage {
		return q, awsapi.Errorf("InvalidParameterValue", "Invalid value %d for MaxRecords. Must be between %d and %d", q.Limit, minRecords, rds.MaxPage)
	}
	if marker == "" {
		return q, nil
	}
	var err error
	q.After, err = c.api.pages.Open(c.request, marker, selection(q, selects))
	return q, err
}

// answer ends a list with the marker of the page that follows, if one does.
func (c *call) answer(out elements, q rds.Query, next string, selects ...any) (any, error) {
	if next == "" {
		return out, nil
	}
	marker, err := c.api.pages.Seal(c.request, next, selection(q, selects))
	out.text("Marker", marker)
	return out, err
}

// selection is a digest of what a list depends on but for its page.
func selection(q rds.Query, selects []any) string {
	raw, _ := json.Marshal([]any{q.Name, q.Filters, selects}) // strings, booleans and lists of strings
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// cut is the page of a list that does not come from the catalogue.
func cut[T any](list []T, q rds.Query, placeOf func(T) string) (items []T, next string) {
	for _, item := range list {
		if q.After != "" && placeOf(item) <= q.After {
			continue
		}
		if len(items) == q.Limit {
			return items, placeOf(items[len(items)-1])
		}
		items = append(items, item)
	}
	return items, ""
}
