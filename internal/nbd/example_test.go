package nbd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"coffer.example/internal/nbd"
)

// nothing is a registry without exports.
type nothing struct{}

func (nothing) Open(context.Context, string) (*nbd.Opened, error) { return nil, nbd.ErrNoExport }
func (nothing) List(context.Context) ([]nbd.ExportInfo, error)    { return nil, nil }

func ExampleServer() {
	dir, err := os.MkdirTemp("", "nbd")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	listener, err := nbd.Listen(context.Background(), "unix:"+filepath.Join(dir, "nbd.sock"), -1)
	if err != nil {
		panic(err)
	}
	server := nbd.NewServer(nbd.Options{Registry: nothing{}})
	served := make(chan error)
	go func() { served <- server.Serve(context.Background(), listener, nil) }()

	// … clients come and go; then, before a device is closed:
	server.Disconnect("vol-0123", true)
	<-server.Released("vol-0123")

	fmt.Println(server.Shutdown(context.Background()))
	fmt.Println(errors.Is(<-served, nbd.ErrServerClosed))
	// Output:
	// <nil>
	// true
}
