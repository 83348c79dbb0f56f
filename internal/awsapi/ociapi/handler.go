package ociapi

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ecr"
	"coffer.example/kms"
)

// Options configure a Handler.
type Options struct {
	Service     *ecr.Service
	Tokens      Tokens
	Credentials awsapi.Credentials
	Recorder    awsapi.Recorder  // nil: nothing is recorded
	Now         func() time.Time // nil: time.Now
	Rand        io.Reader        // nil: crypto/rand; for event ids
	Logger      *slog.Logger     // nil: none
}

// Handler serves the protocol. The front end has checked the Host and set the request id.
type Handler struct{ o Options }

// New returns a handler.
func New(o Options) *Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{o}
}

// exchange is one request on its way.
type exchange struct {
	http      *http.Request
	body      io.Reader // of the request; bounded in time, not in size
	now       time.Time
	event     string // the ECR operation it amounts to
	caller    kms.Caller
	name      ecr.Name
	reference string
}

func (x *exchange) ctx() context.Context { return x.http.Context() }

// reply is an answer: bytes, or a range of content.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	content *ecr.Content
	offset  int64
	length  int64 // of the content; or what Content-Length says in the answer to a HEAD
}

func newReply(status int) *reply { return &reply{status: status, header: http.Header{}} }

func (r *reply) set(name, value string) *reply {
	r.header.Set(name, value)
	return r
}

func (r *reply) digest(d string) *reply { return r.set("Docker-Content-Digest", d) }

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	x := &exchange{http: r, now: h.o.Now(), body: &timedReader{r.Body, control}, event: "Unknown"}
	x.caller.SourceIP, x.caller.UserAgent, x.caller.Insecure = sourceIP(r), r.UserAgent(), r.TLS == nil
	x.caller.RequestID = w.Header().Get("X-Amzn-RequestId")
	answer, err := h.serve(x)
	if err == nil {
		defer answer.close()
	}
	var sent *refusal
	if err != nil {
		sent = asRefusal(err)
		if sent.status >= http.StatusInternalServerError {
			h.o.Logger.Error("registry: internal failure", "request", x.caller.RequestID, "operation", x.event, "error", err)
		}
	}
	if failed := h.record(x, sent, err); failed != nil {
		h.o.Logger.Error("audit event refused", "request", x.caller.RequestID, "error", failed)
		sent = asRefusal(failed)
	}
	if sent != nil {
		answer = h.refuse(x, sent, err)
	}
	if err := answer.write(w, control, r.Method); err != nil {
		h.o.Logger.Warn("registry: answer broken off", "request", x.caller.RequestID, "operation", x.event, "error", err)
		panic(http.ErrAbortHandler) // the client must not take it for the end
	}
}

func (h *Handler) serve(x *exchange) (*reply, error) {
	found := find(x.http.URL.Path)
	operation, ok := operation{}, false
	if found != nil {
		if operation, ok = found.operations[x.http.Method]; ok {
			x.event = operation.event
		}
	}
	if err := h.authenticate(x); err != nil {
		return nil, err
	}
	switch {
	case found == nil:
		return nil, refuse(http.StatusNotFound, codeUnsupported, "no such endpoint")
	case !ok:
		return nil, &notAllowed{slices.Sorted(maps.Keys(found.operations))}
	}
	if err := found.checkName(); err != nil {
		return nil, err
	}
	x.name.Repository, x.reference = found.name, found.reference
	return operation.call(h, x)
}

// notAllowed is the refusal of a method; it says which there are.
type notAllowed struct{ methods []string }

func (*notAllowed) Error() string { return "method not allowed" }

func (n *notAllowed) Unwrap() error {
	return refuse(http.StatusMethodNotAllowed, codeUnsupported, "the operation is unsupported")
}

// refuse returns the answer of a refusal, with the headers that go with it.
func (h *Handler) refuse(x *exchange, sent *refusal, err error) *reply {
	answer := newReply(sent.status).set("Content-Type", "application/json")
	answer.body = sent.body()
	if sent.status == http.StatusUnauthorized {
		answer.set("WWW-Authenticate", challenge(x.http))
	}
	var method *notAllowed
	if errors.As(err, &method) {
		answer.set("Allow", strings.Join(method.methods, ", "))
	}
	var part *ecr.Error
	if errors.As(err, &part) && part.Reason == ecr.InvalidPart {
		answer.set("Location", uploadLocation(x, x.reference)).set("Range", rangeOf(part.LastValidByte+1))
	}
	var beyond *unsatisfiable
	if errors.As(err, &beyond) {
		answer.set("Content-Range", "bytes */"+strconv.FormatInt(beyond.size, 10))
	}
	return answer
}

func (h *Handler) ping(x *exchange) (*reply, error) {
	answer := newReply(http.StatusOK).set("Content-Type", "application/json")
	answer.body = []byte("{}")
	return answer, nil
}
