package awsapi

import (
	"context"
	"strings"
	"time"

	"coffer.example/internal/audit"
)

// Recorder appends one audit event, durably enough that the answer may be sent when it
// returns. It is kms.Recorder.
type Recorder interface {
	Record(ctx context.Context, event []byte) error
}

// maxRecordedParameters bounds the parameters of one event; a larger request's are left out.
const maxRecordedParameters = 200

// record writes the event of a request unless its operation has done so.
func (f *Front) record(ctx context.Context, x *exchange, sent *Error) error {
	if f.options.Recorder == nil || x.called && x.operation.Recorded {
		return nil
	}
	eventID, err := f.newID()
	if err != nil {
		return err
	}
	r := x.request
	event := audit.Event{
		EventVersion:       "1.09",
		UserIdentity:       userIdentity(r),
		EventTime:          r.Time.UTC().Truncate(time.Second),
		EventSource:        eventSource(x.service),
		EventName:          eventName(r),
		AWSRegion:          r.Region,
		SourceIPAddress:    r.SourceIP,
		UserAgent:          printable(r.UserAgent),
		RequestID:          r.ID,
		EventID:            eventID,
		EventType:          "AwsApiCall",
		ManagementEvent:    true,
		RecipientAccountID: r.Principal.Account,
		EventCategory:      "Management",
	}
	if x.operation != nil {
		event.ReadOnly = x.operation.ReadOnly
		if r.Params != nil && !x.operation.Sensitive {
			event.RequestParameters = recordedParameters(r)
		}
	}
	if sent != nil {
		event.ErrorCode, event.ErrorMessage = sent.Code, sent.Message
	}
	line, err := event.Encode()
	if err != nil {
		return err
	}
	return f.options.Recorder.Record(ctx, line)
}

func userIdentity(r *Request) audit.UserIdentity {
	p := r.Principal
	if p.Account == "" {
		// Not authenticated: the access key is what the request claims.
		return audit.UserIdentity{Type: "Unknown", AccessKeyID: printable(r.AccessKeyID)}
	}
	return audit.UserIdentity{
		Type: p.Type, PrincipalID: p.UserID, ARN: p.ARN, AccountID: p.Account,
		AccessKeyID: r.AccessKeyID, UserName: p.UserName,
	}
}

// eventName is the operation, or what the request claims to be where it never was found.
func eventName(r *Request) string {
	if r.Operation != "" {
		return r.Operation
	}
	if _, name, ok := strings.Cut(r.HTTP.Header.Get("X-Amz-Target"), "."); ok {
		return printable(name)
	}
	return "Unknown"
}

func eventSource(s *Service) string {
	if s.Name == "" {
		return "unknown"
	}
	return s.Name + ".amazonaws.com"
}

// recordedParameters returns the parameters of a form by name, without those that could be secrets.
func recordedParameters(r *Request) map[string]string {
	out := map[string]string{}
	for name, value := range r.Params.All() {
		if name == "Action" || name == "Version" {
			continue
		}
		if len(out) == maxRecordedParameters {
			return map[string]string{"omitted": "too many parameters"}
		}
		if secretName(name) {
			value = "HIDDEN_DUE_TO_SECURITY_REASONS"
		}
		out[member(name)] = printable(value)
	}
	return out
}

// secretName says whether a parameter of this name may hold a token, a password or a key.
func secretName(name string) bool {
	lower := strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
	switch {
	case lower == "clienttoken", strings.HasSuffix(lower, "kmskeyid"):
		return false
	case strings.Contains(lower, "token"), strings.Contains(lower, "password"),
		strings.Contains(lower, "secret"), lower == "userdata", lower == "presignedurl":
		return true
	}
	return false
}
