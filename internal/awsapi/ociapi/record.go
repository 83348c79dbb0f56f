package ociapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"coffer.example/internal/audit"
	"coffer.example/internal/ecr"
)

// record writes the event of a request, refused or not.
func (h *Handler) record(x *exchange, sent *refusal, err error) error {
	if h.o.Recorder == nil {
		return nil
	}
	id, failed := h.newID()
	if failed != nil {
		return failed
	}
	event := audit.Event{
		EventVersion: audit.EventVersion, UserIdentity: x.identity(), EventTime: x.now.UTC().Truncate(time.Second),
		EventSource: "ecr.amazonaws.com", EventName: x.event, AWSRegion: x.caller.Region,
		SourceIPAddress: x.caller.SourceIP, UserAgent: printable(x.caller.UserAgent), RequestParameters: x.parameters(),
		RequestID: x.caller.RequestID, EventID: id, ReadOnly: x.http.Method == http.MethodGet || x.http.Method == http.MethodHead,
		EventType: "AwsApiCall", ManagementEvent: true, RecipientAccountID: x.caller.Account, EventCategory: "Management",
	}
	if sent != nil {
		event.ErrorCode, event.ErrorMessage = sent.code, sent.message
	}
	var domain *ecr.Error
	if errors.As(err, &domain) && domain.Decision != nil {
		ref := domain.Decision.Deciding()
		event.Decision = &audit.Decision{Result: "Deny", Reason: domain.Decision.String(), Policy: ref.Policy, Sid: ref.Sid}
	}
	line, failed := event.Encode()
	if failed != nil {
		return failed
	}
	return h.o.Recorder.Record(x.ctx(), line)
}

func (x *exchange) identity() audit.UserIdentity {
	c := x.caller
	if c.Account == "" {
		return audit.UserIdentity{Type: "Unknown", AccessKeyID: c.AccessKeyID}
	}
	return audit.UserIdentity{Type: c.Type, PrincipalID: c.UserID, ARN: c.ARN, AccountID: c.Account, AccessKeyID: c.AccessKeyID, UserName: c.UserName}
}

func (x *exchange) parameters() map[string]string {
	out := map[string]string{}
	for name, value := range map[string]string{
		"registryId": x.name.Registry, "repositoryName": x.name.Repository, "reference": x.reference,
		"digest": x.http.URL.Query().Get("digest"), "mount": x.http.URL.Query().Get("mount"), "from": x.http.URL.Query().Get("from"),
	} {
		if value != "" {
			out[name] = printable(value)
		}
	}
	return out
}

// printable bounds and cleans text of a request before it enters an event.
func printable(s string) string {
	const most = 256
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '\uFFFD' {
			return '?'
		}
		return c
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// newID returns a random UUID (RFC 9562, version 4).
func (h *Handler) newID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(h.o.Rand, b[:]); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}
