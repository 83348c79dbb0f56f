package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/ociapi"
	"coffer.example/internal/ecr"
	"coffer.example/kms"
)

// benchRegistries are the registries that are compared, each served on the loopback device by this process.
type benchRegistries struct {
	layer        *benchLayer
	repositories []benchRepository
	undo         []func() error // in the order things were made
}

// build makes both registries below dir.
func (r *benchRegistries) build(ctx context.Context, dir string) error {
	own, err := os.MkdirTemp(dir, "coffer-bench-")
	if err != nil {
		return err
	}
	r.undo = append(r.undo, func() error { return os.RemoveAll(own) })
	if err := r.addPlain(ctx, filepath.Join(own, "plain")); err != nil {
		return err
	}
	if err := r.addCoffer(ctx, filepath.Join(own, "coffer")); err != nil {
		return err
	}
	for _, one := range r.repositories {
		if err := one.client.push(ctx, r.layer); err != nil {
			return fmt.Errorf("%s: first push: %w", one.variant, err)
		}
	}
	return nil
}

func (r *benchRegistries) addPlain(ctx context.Context, dir string) error {
	plain, err := newPlainRegistry(dir)
	if err != nil {
		return err
	}
	address, err := r.serve(ctx, plain)
	if err != nil {
		return err
	}
	r.repositories = append(r.repositories, benchRepository{
		variant: benchPlainStored, client: &benchOCI{address, "plain"},
		forget: func(context.Context) error { return plain.remove(r.layer.digest) },
	})
	return nil
}

// addCoffer serves a throw-away directory with one repository for each encryption.
func (r *benchRegistries) addCoffer(ctx context.Context, dir string) (err error) {
	o := &serveOptions{dataDir: dir, region: defaultRegion, dev: true}
	held, err := openDevDirectory(o)
	if err != nil {
		return err
	}
	r.undo = append(r.undo, held.release)
	s, err := openStack(ctx, stackOptions{
		serveOptions: *o, log: slog.New(slog.DiscardHandler), dir: held, root: kms.InsecureRootKeyFile(held.file(devRootName)),
	}, []step{(*stack).openKeys, (*stack).openTrail, (*stack).openPeople, (*stack).openImages})
	if err != nil {
		return err
	}
	r.undo = append(r.undo, s.close)
	address, err := r.serve(ctx, ociapi.New(ociapi.Options{
		Service: s.images, Tokens: ociapi.Tokens{Key: s.keys.TokenKey()}, Recorder: s.trail,
		Credentials: awsapi.DevCredentials{Next: awsapi.DirectoryCredentials{Directory: s.people}},
	}))
	if err != nil {
		return err
	}
	root := kms.Caller{Account: devAccount, Region: defaultRegion, ARN: "arn:aws:iam::" + devAccount + ":root", UserID: devAccount, Type: "Root"}
	for i, encryption := range benchEncryptions {
		name := ecr.Name{Repository: fmt.Sprintf("bench/%d", i)}
		if _, err := s.images.CreateRepository(ctx, root, ecr.CreateRepositoryInput{Name: name, Encryption: ecr.Encryption{Type: encryption}}); err != nil {
			return err
		}
		r.repositories = append(r.repositories, benchRepository{
			variant: encryption, client: &benchOCI{address, name.Repository},
			forget: func(ctx context.Context) error { return s.images.DeleteLayer(ctx, root, name, r.layer.digest) },
		})
	}
	return nil
}

// serve serves a handler as the daemon would, and returns its address.
func (r *benchRegistries) serve(ctx context.Context, h http.Handler) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server, ended := awsapi.NewServer(h, nil, nil), make(chan error, 1)
	go func() { ended <- server.Serve(awsapi.LimitConnections(l, 0)) }()
	r.undo = append(r.undo, func() error {
		err := server.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	})
	return l.Addr().String(), nil
}

// close undoes everything in reverse; what fails then is only told.
func (r *benchRegistries) close(stderr io.Writer) {
	for i := len(r.undo) - 1; i >= 0; i-- {
		if err := r.undo[i](); err != nil {
			fmt.Fprintf(stderr, "coffer bench ecr: clean up: %v\n", err)
		}
	}
}
