package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"

	"coffer.example/bench"
	"coffer.example/blockstore"
	"coffer.example/internal/nbd"
)

// addNBD serves the devices on a unix socket in dir and adds a stage for each, with a
// client and a connection of its own.
func (r *benchRig) addNBD(ctx context.Context, dir string, devices map[string]*blockstore.Device) error {
	server := nbd.NewServer(nbd.Options{Registry: benchExports(devices)})
	socket := filepath.Join(dir, "nbd.sock")
	listener, err := nbd.Listen(ctx, "unix:"+socket, -1)
	if err != nil {
		return err
	}
	go func() { _ = server.Serve(context.WithoutCancel(ctx), listener, nil) }() // until Close
	r.undo = append(r.undo, server.Close)
	for _, variant := range []string{"encrypted", "plain"} {
		c, err := dialBenchNBD(ctx, socket, variant)
		if err != nil {
			return fmt.Errorf("NBD: %w", err)
		}
		r.undo = append(r.undo, c.close)
		r.stages = append(r.stages, bench.Stage{Name: "NBD", Variant: variant, Device: c})
	}
	return nil
}

// benchExports is a registry of the devices by variant.
type benchExports map[string]*blockstore.Device

// Open implements nbd.Registry.
func (e benchExports) Open(_ context.Context, name string) (*nbd.Opened, error) {
	d := e[name]
	if d == nil {
		return nil, nbd.ErrNoExport
	}
	return &nbd.Opened{Export: export{d}, Info: nbd.ExportInfo{Name: name}, Release: func() {}}, nil
}

// List implements nbd.Registry.
func (e benchExports) List(context.Context) ([]nbd.ExportInfo, error) { return nil, nil }

// The parts of the NBD protocol (newstyle, simple replies) that benchNBD speaks.
const (
	nbdMagicOption  = 0x49484156454f5054
	nbdMagicRequest = 0x25609513
	nbdMagicSimple  = 0x67446698
	nbdFixedNoZeros = 1<<0 | 1<<1
	nbdExportName   = 1
	nbdCmdRead      = 0
	nbdCmdWrite     = 1
	nbdCmdDisc      = 2
	nbdCmdFlush     = 3
	nbdGreeting     = 18
	nbdExportReply  = 10
	nbdReply        = 16
)

var errBenchNBD = errors.New("unexpected answer of the NBD server")

// benchNBD is a client with one request in flight, which is what a latency is measured
// with. It belongs to one goroutine at a time.
type benchNBD struct {
	conn   net.Conn
	cookie uint64
}

func dialBenchNBD(ctx context.Context, socket, export string) (*benchNBD, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	b := make([]byte, nbdGreeting)
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	q := binary.BigEndian.AppendUint32(nil, nbdFixedNoZeros)
	q = binary.BigEndian.AppendUint64(q, nbdMagicOption)
	q = binary.BigEndian.AppendUint32(q, nbdExportName)
	q = binary.BigEndian.AppendUint32(q, uint32(len(export)))
	if _, err := conn.Write(append(q, export...)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if _, err := io.ReadFull(conn, b[:nbdExportReply]); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &benchNBD{conn: conn}, nil
}

// request sends one request with its payload and waits for its reply and data.
func (c *benchNBD) request(command uint16, off int64, n int, payload, into []byte) error {
	c.cookie++
	q := binary.BigEndian.AppendUint32(make([]byte, 0, 28+len(payload)), nbdMagicRequest)
	q = binary.BigEndian.AppendUint16(q, 0)
	q = binary.BigEndian.AppendUint16(q, command)
	q = binary.BigEndian.AppendUint64(q, c.cookie)
	q = binary.BigEndian.AppendUint64(q, uint64(off))
	q = binary.BigEndian.AppendUint32(q, uint32(n))
	if _, err := c.conn.Write(append(q, payload...)); err != nil || command == nbdCmdDisc {
		return err
	}
	var r [nbdReply]byte
	if _, err := io.ReadFull(c.conn, r[:]); err != nil {
		return err
	}
	magic, errno, cookie := binary.BigEndian.Uint32(r[:]), binary.BigEndian.Uint32(r[4:]), binary.BigEndian.Uint64(r[8:])
	if magic != nbdMagicSimple || cookie != c.cookie || errno != 0 {
		return fmt.Errorf("%w: magic %#x, error %d", errBenchNBD, magic, errno)
	}
	_, err := io.ReadFull(c.conn, into)
	return err
}

// ReadAt implements io.ReaderAt.
func (c *benchNBD) ReadAt(p []byte, off int64) (int, error) {
	if err := c.request(nbdCmdRead, off, len(p), nil, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteAt implements io.WriterAt.
func (c *benchNBD) WriteAt(p []byte, off int64) (int, error) {
	if err := c.request(nbdCmdWrite, off, len(p), p, nil); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush implements bench.Device.
func (c *benchNBD) Flush(context.Context) error { return c.request(nbdCmdFlush, 0, 0, nil, nil) }

func (c *benchNBD) close() error {
	return errors.Join(c.request(nbdCmdDisc, 0, 0, nil, nil), c.conn.Close())
}
