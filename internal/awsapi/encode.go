package awsapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const (
	jsonContentType = "application/x-amz-json-1.1"
	restContentType = "application/json"
	xmlContentType  = "text/xml;charset=UTF-8"
)

// reply is an encoded answer.
type reply struct {
	status      int
	contentType string
	header      http.Header
	body        []byte
}

// encodeAnswer encodes the answer of an operation in its service's protocol.
func encodeAnswer(s *Service, operation, requestID string, answer any) (reply, error) {
	switch s.Protocol {
	case Query:
		body, err := encodeQuery(s, operation, requestID, answer)
		return reply{status: http.StatusOK, contentType: xmlContentType, body: body}, err
	case EC2:
		body, err := encodeEC2(s, operation, requestID, answer)
		return reply{status: http.StatusOK, contentType: xmlContentType, body: body}, err
	case REST:
		return encodeREST(operation, answer)
	}
	if answer == nil {
		// KMS answers operations without output by an empty body.
		return reply{status: http.StatusOK, contentType: jsonContentType}, nil
	}
	body, err := encodeJSON(answer)
	if err != nil {
		return reply{}, fmt.Errorf("awsapi: encode %s: %w", operation, err)
	}
	return reply{status: http.StatusOK, contentType: jsonContentType, body: body}, nil
}

func encodeREST(operation string, answer any) (reply, error) {
	rest, ok := answer.(*RESTAnswer)
	if !ok {
		return reply{}, fmt.Errorf("awsapi: encode %s: answer is a %T", operation, answer)
	}
	out := reply{status: rest.Status, header: rest.Header, body: rest.Body, contentType: "application/octet-stream"}
	if out.status == 0 {
		out.status = http.StatusOK
	}
	if rest.JSON != nil {
		body, err := encodeJSON(rest.JSON)
		if err != nil {
			return reply{}, fmt.Errorf("awsapi: encode %s: %w", operation, err)
		}
		out.body, out.contentType = body, restContentType
	}
	return out, nil
}

// encodeError encodes an error in a service's protocol.
func encodeError(s *Service, requestID string, e *Error) reply {
	out := reply{status: e.HTTPStatus()}
	switch s.Protocol {
	case Query:
		out.contentType = xmlContentType
		kind := "Sender"
		if out.status >= http.StatusInternalServerError {
			kind = "Receiver"
		}
		out.body = fmt.Appendf(nil, `<ErrorResponse xmlns=%q><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
			s.Namespace, kind, escape(e.Code), escape(e.Message), requestID)
	case EC2:
		out.contentType = xmlContentType
		out.body = fmt.Appendf(nil, xmlHeader+`<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>`,
			escape(e.Code), escape(e.Message), requestID)
	case REST:
		out.contentType = restContentType
		out.header = http.Header{"X-Amzn-Errortype": {e.Code}}
		out.body = encodeErrorMembers(e, "Message", nil)
	default:
		out.contentType = jsonContentType
		out.body = encodeErrorMembers(e, "message", map[string]string{"__type": e.Code})
	}
	return out
}

// encodeErrorMembers encodes a JSON error. An empty message is left out, as KMS does.
func encodeErrorMembers(e *Error, messageName string, members map[string]string) []byte {
	all := make(map[string]any, len(e.Members)+len(e.Numbers)+2)
	for _, set := range []map[string]string{e.Members, members} {
		for name, value := range set {
			all[name] = value
		}
	}
	for name, value := range e.Numbers {
		all[name] = value
	}
	if e.Message != "" {
		all[messageName] = e.Message
	}
	body, err := encodeJSON(all)
	if err != nil {
		return []byte("{}") // strings and numbers always encode
	}
	return body
}

// encodeJSON encodes without HTML escapes and without a final newline.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (r reply) write(w http.ResponseWriter) {
	header := w.Header()
	for name, values := range r.header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	if header.Get("Content-Type") == "" && r.contentType != "" {
		header.Set("Content-Type", r.contentType)
	}
	header.Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // the client has left; there is nobody to tell
}

// member makes the first letter of a member's name lower case, as in AWS's messages and audit events.
func member(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToLower(name[:1]) + name[1:]
}
