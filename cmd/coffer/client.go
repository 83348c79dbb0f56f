package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
)

// errNoDaemon says that no daemon serves the directory.
var errNoDaemon = errors.New("no `coffer serve` runs on this data directory")

// ask makes a control call with one answer.
func ask[Out any](ctx context.Context, dir, name string, in any) (Out, error) {
	var out Out
	err := askStream(ctx, dir, name, in, func(one Out) error {
		out = one
		return nil
	})
	return out, err
}

// askStream makes a control call and hands each item to visit.
func askStream[Item any](ctx context.Context, dir, name string, in any, visit func(Item) error) error {
	arguments, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://coffer/v1/"+name, bytes.NewReader(arguments))
	if err != nil {
		return err
	}
	answer, err := controlClient(dir).Do(request)
	if err != nil {
		return dialError(dir, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, maxControlBody))
		return fmt.Errorf("control call %s: %s", name, strings.TrimSpace(string(text)))
	}
	return readLines(json.NewDecoder(answer.Body), visit)
}

// readLines reads items up to the line that ends the stream.
func readLines[Item any](lines *json.Decoder, visit func(Item) error) error {
	for {
		var line controlLine
		switch err := lines.Decode(&line); {
		case errors.Is(err, io.EOF):
			return errors.New("the daemon stopped before it answered")
		case err != nil:
			return err
		case line.Error != "":
			return errors.New(line.Error)
		case line.Item == nil:
			return nil
		}
		var item Item
		if err := json.Unmarshal(line.Item, &item); err != nil {
			return err
		}
		if err := visit(item); err != nil {
			return err
		}
	}
}

func controlClient(dir string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, controlName))
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// dialError tells a directory without a daemon from one that is none.
func dialError(dir string, err error) error {
	if _, marker := readMarker(dir); marker != nil {
		return marker
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%s: %w", dir, errNoDaemon)
	}
	return err
}
