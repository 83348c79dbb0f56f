package main

import (
	"context"
	"os"

	"coffer.example/internal/nbd"
)

// serveStdio serves one volume on standard input and output until the client leaves.
func (d *daemon) serveStdio(ctx context.Context, env *environment) error {
	stdout, ok := env.stdout.(*os.File)
	if !ok {
		return usagef("--stdio needs a socket or pipes")
	}
	connection, err := nbd.Stdio(env.stdin, stdout)
	if err != nil {
		return err
	}
	return d.blocks.ServeConn(ctx, connection, nil)
}
