package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/kmsapi"
	"coffer.example/internal/awsapi/sigv4"
)

// benchEmptyOperation does nothing behind the server and signature check of the others.
const benchEmptyOperation = "Empty"

// benchKMSServer serves the key store of a rig on loopback.
type benchKMSServer struct {
	address string
	key     sigv4.Key
}

func (r *benchKMSRig) serve(ctx context.Context) error {
	secret, err := r.people.CreateAccessKey(ctx, benchAccount, benchUser)
	if err != nil {
		return err
	}
	service := kmsapi.New(r.keys)
	service.Operations[benchEmptyOperation] = awsapi.Recorded(awsapi.Operation{
		Call: func(context.Context, *awsapi.Request, any) (any, error) { return nil, nil },
	})
	front := awsapi.New(awsapi.Options{
		Services: []*awsapi.Service{service}, Credentials: awsapi.DirectoryCredentials{Directory: r.people}, Recorder: r.trail,
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := awsapi.NewServer(front, nil, nil)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(awsapi.LimitConnections(listener, 0)) }()
	r.undo = append(r.undo, func() error {
		err := server.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	})
	r.server = &benchKMSServer{listener.Addr().String(), sigv4.Key{AccessKeyID: secret.ID, Secret: secret.Secret}}
	return nil
}

func (s *benchKMSServer) dial() (*benchKMSClient, error) {
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return nil, err
	}
	return &benchKMSClient{server: s, conn: conn, in: bufio.NewReader(conn)}, nil
}

// benchKMSClient sends the same signed bytes again and again: a client that costs
// little, on the same machine as the server. It belongs to one goroutine.
type benchKMSClient struct {
	server  *benchKMSServer
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

// prepare signs a request; the signature is good for minutes, longer than a slot.
func (c *benchKMSClient) prepare(operation string, body []byte) error {
	q, err := http.NewRequest(http.MethodPost, "http://"+c.server.address+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/x-amz-json-1.1")
	q.Header.Set("X-Amz-Target", "TrentService."+operation)
	if err := sigv4.Sign(q, c.server.key, "kms", defaultRegion, sigv4.PayloadHash(body), time.Now()); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := q.Write(&text); err != nil {
		return err
	}
	c.request = text.Bytes()
	return nil
}

var errBenchKMS = errors.New("unexpected answer of the key store")

// once makes the request and reads the whole answer.
func (c *benchKMSClient) once() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		return fmt.Errorf("%w: %s: %s", errBenchKMS, answer.Status, text)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func (c *benchKMSClient) close() error { return c.conn.Close() }
