package awsapi

import (
	"context"
	"net/http"
	"time"

	"coffer.example/internal/audit"
	"coffer.example/internal/awsapi/query"
	"coffer.example/internal/awsapi/shape"
)

// Protocol is one of AWS's wire protocols. It decides how an operation is named, what
// of a Request is filled, and how the value an operation returns is encoded.
type Protocol int

const (
	// JSON is JSON 1.1 (kms, ecr): the operation is in X-Amz-Target, the input is
	// Request.Body, the answer any value that encoding/json encodes (nil: {}).
	JSON Protocol = iota + 1
	// Query is AWS Query (sts, iam, rds): the input is Request.Params, the answer a
	// struct with xml tags, which becomes the element <OperationResult> (nil: none).
	Query
	// EC2 is EC2's dialect of Query: the answer's fields follow <requestId> directly in
	// <OperationResponse>. Lists are fields of type Items, so that an empty one is still sent.
	EC2
	// REST is REST-JSON (ebs): the operation is found by Operation.Route, the variables
	// of the path are in Request.Vars, the answer is a *RESTAnswer.
	REST
)

// Service describes one AWS service behind the front end. It is not changed once a
// Front uses it.
type Service struct {
	Name         string // of the credential scope, such as kms
	Protocol     Protocol
	TargetPrefix string // JSON: what stands before the dot in X-Amz-Target
	Namespace    string // Query, EC2: of the answer's XML
	Version      string // Query, EC2: the API version clients name
	MaxBody      int64  // 0: DefaultMaxBody
	// Global says that the service has no Regions: the Region of the scope is ignored.
	Global bool
	// QuerySigned says that requests signed in their query string are accepted.
	QuerySigned bool
	// InternalCode is the error code of this service for internal failures.
	InternalCode string
	// ValidationCode is its code for input that breaks the model's constraints, where it is not the protocol's.
	ValidationCode string
	Operations     map[string]Operation
	// Errors maps a domain error to the error sent, nil for an internal failure.
	// An *Error among the wrapped errors needs no mapping.
	Errors func(err error) *Error
}

// Operation is one operation of a Service.
type Operation struct {
	// Input is the shape that the input is decoded into and validated against before
	// Call; nil leaves that to Call.
	Input *shape.Shape
	// Call makes the one call of the operation and returns the answer (see Protocol).
	// in points to a struct of Input's type, nil without Input.
	Call func(ctx context.Context, r *Request, in any) (answer any, err error)
	// Recorded says that Call writes its own audit event; the front end then records
	// only what never became a call.
	Recorded bool
	// ReadOnly is for the audit event.
	ReadOnly bool
	// Route is the method and path of a REST operation, such as "GET /snapshots/{SnapshotId}/blocks".
	Route string
	// UnsignedPayload admits x-amz-content-sha256: UNSIGNED-PAYLOAD. The operation
	// must then check the body against a signed header itself.
	UnsignedPayload bool
	// Sensitive keeps the input's parameters out of the audit event.
	Sensitive bool
}

// Request is an authenticated request as an operation sees it.
type Request struct {
	ID          string
	Service     *Service
	Operation   string
	Region      string
	Time        time.Time // when it was received
	Principal   Principal
	AccessKeyID string
	SourceIP    string
	UserAgent   string
	Body        []byte
	Params      *query.Params     // Query, EC2
	Vars        map[string]string // REST
	HTTP        *http.Request     // its body has been read

	decision *audit.Decision
}

// RESTAnswer is the answer of a REST operation: JSON is encoded if it is not nil,
// else Body is sent as it is.
type RESTAnswer struct {
	Status int // 0: 200
	Header http.Header
	JSON   any
	Body   []byte
}

// Op returns an operation whose input is a struct with the tags of package shape.
func Op[In any](call func(ctx context.Context, r *Request, in *In) (answer any, err error)) Operation {
	return Operation{Input: shape.Of[In](), Call: func(ctx context.Context, r *Request, in any) (any, error) {
		return call(ctx, r, in.(*In))
	}}
}

// ReadOnly marks an operation as one that changes nothing.
func ReadOnly(op Operation) Operation {
	op.ReadOnly = true
	return op
}

// Recorded marks an operation that writes its own audit events.
func Recorded(op Operation) Operation {
	op.Recorded = true
	return op
}

// BeforeCall marks an error of a Recorded operation that it found before its call, so
// that the front end records the event.
func BeforeCall(err error) error { return &beforeCall{err} }

type beforeCall struct{ err error }

func (b *beforeCall) Error() string { return b.err.Error() }
func (b *beforeCall) Unwrap() error { return b.err }
