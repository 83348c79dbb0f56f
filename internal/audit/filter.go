package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Filter chooses records. A zero field chooses all.
type Filter struct {
	Key         string            // a key's ARN or id, as a resource of the event or in its request
	Principal   string            // the caller's ARN, user name, principal id, access key id or account
	Context     map[string]string // pairs that the request's encryption context has
	Error       string            // an error code, or "*" for any
	EventName   string
	EventSource string
	RequestID   string
	Since       time.Time // inclusive
	Until       time.Time // exclusive
	Own         bool      // the log's own records too
}

// filtered is what filters look at.
type filtered struct {
	EventTime    time.Time
	EventSource  string
	EventName    string
	ErrorCode    string
	RequestID    string
	UserIdentity UserIdentity
	Resources    []Resource
	Parameters   struct {
		KeyID              string            `json:"keyId"`
		DestinationKeyID   string            `json:"destinationKeyId"`
		Context            map[string]string `json:"encryptionContext"`
		SourceContext      map[string]string `json:"sourceEncryptionContext"`
		DestinationContext map[string]string `json:"destinationEncryptionContext"`
		Constraints        struct {
			Subset map[string]string `json:"encryptionContextSubset"`
			Equals map[string]string `json:"encryptionContextEquals"`
		} `json:"constraints"`
	} `json:"requestParameters"`
}

// chooses reports whether the filter chooses a line.
func (f *Filter) chooses(line []byte) bool {
	if bytes.HasPrefix(line, []byte(ownMember)) {
		return f.Own
	}
	if f.RequestID != "" && !bytes.Contains(line, []byte(f.RequestID)) {
		return false // most lines, without decoding them
	}
	if f.empty() {
		return true
	}
	var e filtered
	if err := json.Unmarshal(line, &e); err != nil && !errors.As(err, new(*json.UnmarshalTypeError)) {
		return false // a member of another type, in another service's request, is just not what we look for
	}
	return (f.EventName == "" || f.EventName == e.EventName) &&
		(f.EventSource == "" || f.EventSource == e.EventSource) &&
		(f.RequestID == "" || f.RequestID == e.RequestID) &&
		(f.Error == "" || f.Error == e.ErrorCode || f.Error == "*" && e.ErrorCode != "") &&
		(f.Since.IsZero() || !e.EventTime.Before(f.Since)) &&
		(f.Until.IsZero() || e.EventTime.Before(f.Until)) &&
		f.choosesKey(&e) && f.choosesPrincipal(&e.UserIdentity) && f.choosesContext(&e)
}

func (f *Filter) empty() bool {
	return f.Key == "" && f.Principal == "" && len(f.Context) == 0 && f.Error == "" && f.EventName == "" &&
		f.EventSource == "" && f.RequestID == "" && f.Since.IsZero() && f.Until.IsZero()
}

func (f *Filter) choosesKey(e *filtered) bool {
	if f.Key == "" {
		return true
	}
	names := []string{e.Parameters.KeyID, e.Parameters.DestinationKeyID}
	for _, r := range e.Resources {
		names = append(names, r.ARN)
	}
	for _, name := range names {
		if name == f.Key || strings.HasSuffix(name, "/"+f.Key) || name != "" && strings.HasSuffix(f.Key, "/"+name) {
			return true
		}
	}
	return false
}

func (f *Filter) choosesPrincipal(u *UserIdentity) bool {
	switch f.Principal {
	case "", u.ARN, u.UserName, u.PrincipalID, u.AccessKeyID, u.AccountID:
		return true
	}
	return u.SessionContext != nil && u.SessionContext.SessionIssuer.ARN == f.Principal
}

func (f *Filter) choosesContext(e *filtered) bool {
	if len(f.Context) == 0 {
		return true
	}
	p := &e.Parameters
	for _, m := range []map[string]string{p.Context, p.SourceContext, p.DestinationContext, p.Constraints.Subset, p.Constraints.Equals} {
		all := true
		for k, v := range f.Context {
			have, ok := m[k]
			all = all && ok && have == v
		}
		if all {
			return true
		}
	}
	return false
}
