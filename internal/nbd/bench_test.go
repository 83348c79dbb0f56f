package nbd

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkTransmission measures requests over a unix socket, 16 in flight, with their
// allocations: there should be none per request.
func BenchmarkTransmission(b *testing.B) {
	for _, way := range []string{"inline", "workers"} {
		for _, r := range []struct {
			name  string
			r     request
			reply int
		}{
			{"read-4k", request{cmd: cmdRead, length: 4096}, offsetHeaderSize + 4096},
			{"write-4k", request{cmd: cmdWrite, length: 4096}, simpleReplySize},
			{"read-256k", request{cmd: cmdRead, length: 256 << 10}, offsetHeaderSize + 256<<10},
			{"write-256k", request{cmd: cmdWrite, length: 256 << 10}, simpleReplySize},
			{"status", request{cmd: cmdBlockStatus, length: 1 << 20}, chunkHeaderSize + 4 + descriptorSize},
		} {
			b.Run(r.name+"/"+way, func(b *testing.B) {
				s := start(b, Options{}, nil, map[string]Export{"vol": newFlatExport(1<<20, way == "inline")})
				c := attach(b, s, "vol")
				b.SetBytes(int64(r.r.length))
				pump(b, c.nc, r.r, r.reply)
			})
		}
	}
}

// pump sends b.N requests, 16 at a time, and reads their replies.
func pump(b *testing.B, nc net.Conn, r request, reply int) {
	one := append(appendRequest(nil, r), make([]byte, r.dataLength())...)
	var batch []byte
	for range 16 {
		batch = append(batch, one...)
	}
	answers := make([]byte, 16*reply)
	b.ReportAllocs()
	b.ResetTimer()
	failed := make(chan error, 1)
	rounds := (b.N + 15) / 16
	go func() {
		for range rounds {
			if _, err := nc.Write(batch); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	for range rounds {
		_, err := io.ReadFull(nc, answers)
		require.NoError(b, err)
	}
	require.NoError(b, <-failed)
}
