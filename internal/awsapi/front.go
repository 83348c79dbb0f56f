package awsapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"coffer.example/internal/awsapi/shape"
	"coffer.example/internal/awsapi/strictjson"
)

// Options configure a Front.
type Options struct {
	Services    []*Service
	Credentials Credentials
	// Recorder takes the audit events of requests that no service records itself; nil writes none.
	Recorder Recorder
	// Hosts are names beside loopback ones that requests may have in their Host header.
	Hosts []string
	// Mounts are handlers of path prefixes that do not use SigV4, such as /v2/. They get
	// the Host check, the request id and the handling of panics.
	Mounts map[string]http.Handler
	Now    func() time.Time // nil: time.Now
	Rand   io.Reader        // nil: crypto/rand; for request and event ids
	Logger *slog.Logger     // nil: none
}

// Front is the front end. It is an http.Handler, safe for concurrent use.
type Front struct {
	options  Options
	services map[string]*Service
	hosts    hostSet
	counters counters
}

// New returns a front end. It panics if two services have one name: that is a programmer's error.
func New(o Options) *Front {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Front{options: o, services: make(map[string]*Service), hosts: newHostSet(o.Hosts)}
	for _, s := range o.Services {
		if f.services[s.Name] != nil {
			panic("awsapi: two services named " + s.Name)
		}
		f.services[s.Name] = s
	}
	return f
}

// exchange is one request on its way.
type exchange struct {
	request   *Request
	service   *Service
	operation *Operation // nil until found
	called    bool       // the operation's Call was reached
	answer    any
	err       error
}

// ServeHTTP serves one request.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.counters.requests.Add(1)
	f.counters.inFlight.Add(1)
	defer f.counters.inFlight.Add(-1)
	id, err := f.newID()
	if err != nil {
		f.options.Logger.Error("no randomness for a request id", "error", err)
		http.Error(w, "internal failure", http.StatusInternalServerError)
		return
	}
	w.Header().Set("X-Amzn-RequestId", id)
	if mount := f.mount(r); mount != nil && f.hosts.allows(r.Host) {
		f.serveMount(mount, w, r, id)
		return
	}
	x := &exchange{service: f.guess(r), request: &Request{
		ID: id, Time: f.options.Now(), HTTP: r, SourceIP: sourceIP(r), UserAgent: r.UserAgent(),
	}}
	x.request.Service = x.service
	f.run(r.Context(), x, w)
	f.finish(r.Context(), x).write(w)
}

// run takes the exchange through its steps; a panic in one becomes an internal failure.
func (f *Front) run(ctx context.Context, x *exchange, w http.ResponseWriter) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p) // the server's own way to drop a connection
			}
			f.panicked(x.request.ID, x.request.Operation, p)
			x.err = errPanic
		}
	}()
	if x.err = f.authenticate(ctx, x, w); x.err != nil {
		return
	}
	x.err = f.call(ctx, x)
}

var errPanic = errors.New("awsapi: an operation panicked")

// call decodes the input and makes the call.
func (f *Front) call(ctx context.Context, x *exchange) error {
	in, err := decodeInput(x.operation.Input, x.request)
	if err != nil {
		return err
	}
	x.called = true
	x.answer, err = x.operation.Call(ctx, x.request, in)
	var before *beforeCall
	x.called = !errors.As(err, &before)
	return err
}

// decodeInput decodes the input of a request of the JSON and Query protocols.
func decodeInput(s *shape.Shape, r *Request) (any, error) {
	if s == nil {
		return nil, nil
	}
	in := s.New()
	if r.Params != nil {
		return in, s.DecodeForm(r.Params, in)
	}
	tree, err := strictjson.Parse(r.Body)
	if err != nil {
		return nil, err
	}
	return in, s.Decode(tree, in)
}

// finish encodes the answer or the error, and records the event before either is sent.
func (f *Front) finish(ctx context.Context, x *exchange) reply {
	var out reply
	if x.err == nil {
		out, x.err = encodeAnswer(x.service, x.request.Operation, x.request.ID, x.answer)
	}
	var sent *Error
	if x.err != nil {
		sent = wireError(x.service, x.err)
	}
	if err := f.record(ctx, x, sent); err != nil {
		f.options.Logger.Error("audit event refused", "request", x.request.ID, "error", err)
		sent = internalError(x.service)
	}
	if sent == nil {
		return out
	}
	f.counters.refusal(sent)
	if sent.HTTPStatus() >= http.StatusInternalServerError && x.err != nil {
		f.options.Logger.Error("internal failure", "request", x.request.ID, "operation", x.request.Operation, "error", x.err)
	}
	return encodeError(x.service, x.request.ID, sent)
}

func (f *Front) mount(r *http.Request) http.Handler {
	for prefix, handler := range f.options.Mounts {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return handler
		}
	}
	return nil
}

func (f *Front) serveMount(mount http.Handler, w http.ResponseWriter, r *http.Request, id string) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			f.panicked(id, r.URL.Path, p)
			http.Error(w, "internal failure", http.StatusInternalServerError)
		}
	}()
	mount.ServeHTTP(w, r)
}

func (f *Front) panicked(id, operation string, p any) {
	f.counters.panics.Add(1)
	// The value's type, not the value: it could hold a part of the request.
	f.options.Logger.Error("panic", "request", id, "operation", operation, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
}

// newID returns a random UUID (RFC 9562, version 4).
func (f *Front) newID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(f.options.Rand, b[:]); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}
