package awsapi

import (
	"context"
	"strings"
	"time"

	"coffer.example/internal/audit"
	"coffer.example/internal/iam"
)

// Recorder appends one audit event, durably enough that the answer may be sent when it
// returns. It is kms.Recorder.
type Recorder interface {
	Record(ctx context.Context, event []byte) error
}

// eventVersion is CloudTrail's, the same as kms's events have.
const eventVersion = "1.11"

// maxRecordedParameters bounds the parameters of one event; a larger request's are left out.
const maxRecordedParameters = 200

// maxRecordedMessage bounds the error message of one event: AWS's validation messages quote what they refuse.
const maxRecordedMessage = 2048

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
		EventVersion:       eventVersion,
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
		Decision:           r.decision,
	}
	if x.operation != nil {
		event.ReadOnly = x.operation.ReadOnly
		if r.Params != nil && !x.operation.Sensitive {
			event.RequestParameters = recordedParameters(r)
		}
	}
	if sent != nil {
		event.ErrorCode, event.ErrorMessage = sent.Code, bounded(sent.Message, maxRecordedMessage)
	}
	line, err := event.Encode()
	if err != nil {
		return err
	}
	// A client that has left does not take its event with it.
	return f.options.Recorder.Record(context.WithoutCancel(ctx), line)
}

func userIdentity(r *Request) audit.UserIdentity {
	p := r.Principal
	if p.Account == "" {
		// Not authenticated: the access key is what the request claims.
		return audit.UserIdentity{Type: "Unknown", AccessKeyID: printable(r.AccessKeyID)}
	}
	u := audit.UserIdentity{
		Type: p.Type, PrincipalID: p.UserID, ARN: p.ARN, AccountID: p.Account,
		AccessKeyID: r.AccessKeyID, UserName: p.UserName,
	}
	if p.Type == string(iam.AssumedRole) {
		u.UserName = "" // the role's name is the issuer's
		u.SessionContext = sessionContext(&p)
	}
	return u
}

// sessionContext says which role a session is of.
func sessionContext(p *Principal) *audit.SessionContext {
	id, _, _ := strings.Cut(p.UserID, ":")
	role := iam.Principal{Type: iam.AssumedRole, Account: p.Account, ARN: p.ARN, RoleARN: p.RoleARN}
	out := &audit.SessionContext{SessionIssuer: audit.SessionIssuer{
		Type: "Role", PrincipalID: id, ARN: role.Issuer(), AccountID: p.Account, UserName: p.UserName,
	}}
	out.Attributes.MFAAuthenticated = "false"
	if !p.SessionStarted.IsZero() {
		out.Attributes.CreationDate = p.SessionStarted.UTC().Format(time.RFC3339)
	}
	return out
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
