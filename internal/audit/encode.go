package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Fields is a JSON object whose members keep their order. A value is a string, bool,
// int, int64, []string, map[string]string, Fields or *Fields, nil, or anything that json.Marshal takes.
type Fields []Field

// Field is a member of Fields.
type Field struct {
	Name  string
	Value any
}

// MarshalJSON implements json.Marshaler.
func (f Fields) MarshalJSON() ([]byte, error) { return appendValue(nil, f) }

// Encode returns the event as one line of JSON, without a newline.
func (e *Event) Encode() ([]byte, error) { return e.AppendJSON(make([]byte, 0, 1024)) }

// AppendJSON appends the event as one line of JSON, without a newline. It is what
// json.Marshal would write, but for the escapes, at a fraction of the cost: every
// request pays for one event.
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	o := object{b: append(b, '{')}
	o.text("eventVersion", e.EventVersion)
	o.name("userIdentity")
	o.identity(&e.UserIdentity)
	o.name("eventTime")
	o.b = append(e.EventTime.UTC().AppendFormat(append(o.b, '"'), time.RFC3339), '"')
	o.text("eventSource", e.EventSource)
	o.text("eventName", e.EventName)
	o.text("awsRegion", e.AWSRegion)
	o.text("sourceIPAddress", e.SourceIPAddress)
	o.text("userAgent", e.UserAgent)
	o.optional("errorCode", e.ErrorCode)
	o.optional("errorMessage", e.ErrorMessage)
	o.value("requestParameters", e.RequestParameters)
	o.value("responseElements", e.ResponseElements)
	if e.AdditionalEventData != nil {
		o.value("additionalEventData", e.AdditionalEventData)
	}
	o.text("requestID", e.RequestID)
	o.text("eventID", e.EventID)
	o.flag("readOnly", e.ReadOnly)
	if len(e.Resources) > 0 {
		o.name("resources")
		o.resources(e.Resources)
	}
	o.text("eventType", e.EventType)
	o.flag("managementEvent", e.ManagementEvent)
	o.text("recipientAccountId", e.RecipientAccountID)
	o.text("eventCategory", e.EventCategory)
	if e.ServiceEventDetails != nil {
		o.value("serviceEventDetails", e.ServiceEventDetails)
	}
	if e.Decision != nil {
		o.name("cofferDecision")
		o.decision(e.Decision)
	}
	return append(o.b, '}'), o.err
}

// object appends members to a JSON object.
type object struct {
	b   []byte
	err error
}

func (o *object) name(name string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, '"'), name...), '"', ':')
}

func (o *object) text(name, v string) {
	o.name(name)
	o.b = appendString(o.b, v)
}

func (o *object) optional(name, v string) {
	if v != "" {
		o.text(name, v)
	}
}

func (o *object) flag(name string, v bool) {
	o.name(name)
	o.b = strconv.AppendBool(o.b, v)
}

func (o *object) value(name string, v any) {
	o.name(name)
	b, err := appendValue(o.b, v)
	if err != nil {
		o.err = fmt.Errorf("audit: %s: %w", name, err)
		return
	}
	o.b = b
}

func (o *object) identity(u *UserIdentity) {
	o.b = append(o.b, '{')
	o.text("type", u.Type)
	o.optional("principalId", u.PrincipalID)
	o.optional("arn", u.ARN)
	o.optional("accountId", u.AccountID)
	o.optional("accessKeyId", u.AccessKeyID)
	o.optional("userName", u.UserName)
	if u.SessionContext != nil {
		o.value("sessionContext", u.SessionContext)
	}
	o.optional("invokedBy", u.InvokedBy)
	o.b = append(o.b, '}')
}

func (o *object) resources(list []Resource) {
	o.b = append(o.b, '[')
	for i, r := range list {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = append(o.b, '{')
		o.text("accountId", r.AccountID)
		o.text("type", r.Type)
		o.text("ARN", r.ARN)
		o.b = append(o.b, '}')
	}
	o.b = append(o.b, ']')
}

func (o *object) decision(d *Decision) {
	o.b = append(o.b, '{')
	o.text("result", d.Result)
	o.text("reason", d.Reason)
	o.optional("policy", d.Policy)
	o.optional("sid", d.Sid)
	o.optional("grantId", d.Grant)
	o.optional("keyState", d.State)
	if len(d.Trace) > 0 {
		o.value("trace", d.Trace)
	}
	o.b = append(o.b, '}')
}

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendString(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case []string:
		b = append(b, '[')
		for i, s := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, s)
		}
		return append(b, ']'), nil
	case map[string]string:
		return appendMap(b, v), nil
	case Fields:
		return appendFields(b, v)
	case *Fields:
		return appendFields(b, *v)
	}
	enc, err := json.Marshal(v)
	return append(b, enc...), err
}

func appendFields(b []byte, f Fields) (_ []byte, err error) {
	b = append(b, '{')
	for i := range f {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, f[i].Name), ':')
		if b, err = appendValue(b, f[i].Value); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendMap writes a map with its names sorted.
func appendMap(b []byte, m map[string]string) []byte {
	var few [8]string
	names := few[:0]
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, k := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k), ':')
		b = appendString(b, m[k])
	}
	return append(b, '}')
}

// appendString writes a JSON string on one line. Invalid UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			b = append(append(b, s[start:i]...), "\uFFFD"...)
		} else if c < 0x20 {
			b = append(append(b, s[start:i]...), '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(append(b, s[start:i]...), '\\', c)
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
