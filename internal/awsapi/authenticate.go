package awsapi

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"coffer.example/internal/awsapi/sigv4"
)

// globalRegion is where the calls of services without Regions are recorded, as on AWS.
const globalRegion = "us-east-1"

// authenticate finds service, operation and principal of a request, reads its body and
// verifies its signature over it. Nothing of the request is used for more than
// finding the way before that.
func (f *Front) authenticate(ctx context.Context, x *exchange, w http.ResponseWriter) error {
	r := x.request.HTTP
	if !f.hosts.allows(r.Host) {
		return &refusal{faultHost, "This endpoint does not serve the host name of the request."}
	}
	auth, err := sigv4.Parse(r)
	if err != nil {
		return err
	}
	x.request.AccessKeyID = auth.AccessKeyID
	service := f.services[auth.Service]
	if service == nil {
		x.service = unknownService(r)
		return &refusal{faultUnknownOperation, "The service " + printable(auth.Service) + " is not served by this endpoint."}
	}
	x.service, x.request.Service = service, service
	if err := checkAuth(service, auth, r); err != nil {
		return err
	}
	if err := auth.CheckTime(x.request.Time); err != nil {
		return err
	}
	x.request.Region = auth.Region
	if service.Global {
		x.request.Region = globalRegion
	}
	credential, err := f.options.Credentials.Lookup(ctx, auth.AccessKeyID, auth.SessionToken)
	if err != nil {
		return err
	}
	routed := x.findBeforeBody() // an unknown operation is reported only to those who can sign
	if x.request.Body, err = readBody(w, r, service.MaxBody); err != nil {
		return err
	}
	hash, err := x.payloadHash()
	if err != nil {
		return err
	}
	if err := auth.Verify(r, credential.Secret, hash); err != nil {
		return err
	}
	x.request.Principal = credential.Principal
	if routed != nil {
		return routed
	}
	return x.findAfterBody()
}

// checkAuth checks what does not need the secret.
func checkAuth(s *Service, auth *sigv4.Auth, r *http.Request) error {
	if auth.InQuery && !s.QuerySigned {
		return &refusal{faultIncomplete, "Requests to " + s.Name + " are signed in the Authorization header."}
	}
	if err := auth.CheckScope(); err != nil {
		return err
	}
	return auth.CheckHeaders(r.Header)
}

// findBeforeBody finds the operation of the protocols that name it outside the body.
func (x *exchange) findBeforeBody() error {
	switch x.service.Protocol {
	case JSON:
		name, err := targetOperation(x.service, x.request.HTTP)
		if err != nil {
			return err
		}
		return x.find(name)
	case REST:
		name, vars, ok := matchRoute(x.service, x.request.HTTP)
		if !ok {
			return &refusal{faultUnknownOperation, "No operation has this method and path."}
		}
		x.request.Vars = vars
		return x.find(name)
	}
	return nil
}

// findAfterBody finds the operation of the protocols that name it in the form.
func (x *exchange) findAfterBody() error {
	if x.service.Protocol != Query && x.service.Protocol != EC2 {
		return nil
	}
	params, err := formParams(x.request.HTTP, x.request.Body)
	if err != nil {
		return err
	}
	x.request.Params = params
	name, err := formOperation(x.service, x.request.HTTP, params)
	if err != nil {
		return err
	}
	return x.find(name)
}

func (x *exchange) find(name string) error {
	x.request.Operation = printable(name)
	op, ok := x.service.Operations[name]
	if !ok {
		return unknownOperation(x.service, x.request.Operation)
	}
	x.operation = &op
	return nil
}

// payloadHash returns the hash that the signature is verified over: that of the body
// that came, or UNSIGNED-PAYLOAD for the operations that admit it.
func (x *exchange) payloadHash() (string, error) {
	claimed := x.request.HTTP.Header.Get("X-Amz-Content-Sha256")
	if claimed == sigv4.UnsignedPayload && x.operation != nil && x.operation.UnsignedPayload {
		return sigv4.UnsignedPayload, nil
	}
	actual := sigv4.PayloadHash(x.request.Body)
	if claimed == "" || strings.EqualFold(claimed, actual) {
		return actual, nil
	}
	if _, err := hex.DecodeString(claimed); err != nil {
		return "", &refusal{faultIncomplete, "The value " + printable(claimed) + " of x-amz-content-sha256 is not supported by this operation."}
	}
	return "", &refusal{faultSignature, sigv4.MismatchMessage}
}

// readBody reads a body up to the service's cap.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if limit == 0 {
		limit = DefaultMaxBody
	}
	tooLarge := &refusal{faultTooLarge, fmt.Sprintf("The request body is larger than the %d bytes that are allowed.", limit)}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // rather than read what will not be used
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, tooLarge
	}
	if err != nil {
		return nil, &refusal{faultMalformed, "The request body ended early."}
	}
	return body, nil
}

// printable bounds and cleans text of a request before it enters a message or an event.
func printable(s string) string {
	clean := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '\uFFFD' {
			return '?'
		}
		return c
	}, s)
	return bounded(clean, 128)
}

// bounded cuts text to at most so many bytes, and an ellipsis.
func bounded(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
