package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// The control socket DIR/coffer.sock speaks HTTP with JSON: POST /v1/NAME with the
// arguments as an object. The answer is one object, or for a stream one line per
// item. Whoever may open the socket (mode 0600 in a directory of mode 0700) may do
// what the operator may; there is no other check.

// maxControlBody bounds the arguments of a control call.
const maxControlBody = 256 << 10

// controlLine is one line of an answer. Exactly one member is set, but for the last line of a stream, which may be empty.
type controlLine struct {
	Item  json.RawMessage `json:"item,omitempty"`
	Error string          `json:"error,omitempty"`
}

// controlServer serves the control socket.
type controlServer struct {
	mux    *http.ServeMux
	server *http.Server
}

func newControlServer() *controlServer {
	mux := http.NewServeMux()
	return &controlServer{mux: mux, server: &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: maxControlBody,
	}}
}

// control adds a call with one answer.
func control[In, Out any](c *controlServer, name string, call func(context.Context, In) (Out, error)) {
	controlStream(c, name, func(ctx context.Context, in In, emit func(Out) error) error {
		out, err := call(ctx, in)
		if err != nil {
			return err
		}
		return emit(out)
	})
}

// controlStream adds a call that answers with any number of items.
func controlStream[In, Item any](c *controlServer, name string, call func(context.Context, In, func(Item) error) error) {
	c.mux.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody)).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		lines := json.NewEncoder(w)
		emit := func(item Item) error {
			encoded, err := json.Marshal(item)
			if err != nil {
				return err
			}
			if err := lines.Encode(controlLine{Item: encoded}); err != nil {
				return err
			}
			return http.NewResponseController(w).Flush()
		}
		var last controlLine
		if err := call(r.Context(), in, emit); err != nil {
			last.Error = err.Error()
		}
		_ = lines.Encode(last) // the client has gone if this fails
	})
}
