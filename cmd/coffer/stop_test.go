package main

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// TestStopFlushesWhatClientsWrote stops the daemon while a client is connected that
// has written and not flushed: SIGTERM is in order, so nothing that was acknowledged is lost.
func TestStopFlushesWhatClientsWrote(t *testing.T) {
	install := testkit.Init(t)
	daemon := testkit.Serve(t, install)
	volume := newAttachedVolume(t, daemon)
	client := dial(t, daemon, volume)
	written := bytes.Repeat([]byte("acknowledged "), 4096)[:16<<10]
	require.NoError(t, client.WriteAt(written, 8<<20))
	daemon.Stop(t)
	require.Error(t, client.Flush(), "the server has gone")

	daemon = testkit.Serve(t, install)
	client = dial(t, daemon, volume)
	read := make([]byte, len(written))
	require.NoError(t, client.ReadAt(read, 8<<20))
	require.Equal(t, written, read)
	daemon.Stop(t)
}

// TestStdio serves one volume to the program that started the server: it is attached
// for as long as the client stays.
func TestStdio(t *testing.T) {
	install := testkit.Init(t)
	daemon := testkit.Serve(t, install)
	key := daemon.AWS.Query(t, "KeyMetadata.KeyId", "kms", "create-key")
	volume := daemon.AWS.Query(t, "VolumeId", "ec2", "create-volume", "--availability-zone", "us-east-1a", "--size", "1", "--encrypted", "--kms-key-id", key)
	daemon.Stop(t)

	ctx, cancel := context.WithTimeout(t.Context(), testkit.ReadyTimeout)
	defer cancel()
	served := exec.CommandContext(ctx, testkit.Tool(t, "coffer"), "serve", "--stdio", "--volume", volume,
		"--data-dir", install.Dir, "--root-key-file", install.RootKey)
	in, err := served.StdinPipe()
	require.NoError(t, err)
	out, err := served.StdoutPipe()
	require.NoError(t, err)
	var log strings.Builder
	served.Stderr = &log
	require.NoError(t, served.Start())
	hello := make([]byte, 8)
	_, err = io.ReadFull(out, hello)
	require.NoError(t, err)
	require.Equal(t, "NBDMAGIC", string(hello))
	require.NoError(t, in.Close())
	_, err = io.Copy(io.Discard, out)
	require.NoError(t, err)
	require.NoError(t, served.Wait(), "%s", log.String())

	daemon = testkit.Serve(t, install)
	require.Contains(t, daemon.Coffer(t, "volume", "list"), "available", "the volume is detached again")
}

// TestInterruptStopsTheDaemon: Ctrl-C is as good as SIGTERM, and prompt.
func TestInterruptStopsTheDaemon(t *testing.T) {
	daemon := testkit.Serve(t, testkit.Init(t))
	started := time.Now()
	require.NoError(t, syscall.Kill(daemon.PID(), syscall.SIGINT))
	daemon.Stop(t) // waits for it and wants exit status 0
	require.Less(t, time.Since(started), shutdownLimit)
}
