package testkit

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// NBDClient is a minimal NBD client: one request at a time, simple replies. Crash tests use
// it where they must know which write and which flush was acknowledged. It shares
// no code with the server.
type NBDClient struct {
	conn   net.Conn
	in     *bufio.Reader
	cookie uint64
	Size   int64
}

// Numbers of the NBD protocol (NetworkBlockDevice/nbd, doc/proto.md).
const (
	nbdMagic         = 0x4e42444d41474943
	nbdOptionMagic   = 0x49484156454f5054
	nbdExportName    = 1
	nbdClientFlags   = 1 | 2 // fixed newstyle, no zeroes
	nbdRequestMagic  = 0x25609513
	nbdReplyMagic    = 0x67446698
	nbdRead          = 0
	nbdWrite         = 1
	nbdDisconnect    = 2
	nbdFlush         = 3
	nbdRequestLength = 28
	nbdReplyLength   = 16
)

// DialNBD opens an export on a unix socket.
func DialNBD(socket, export string) (*NBDClient, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	c := &NBDClient{conn: conn, in: bufio.NewReader(conn)}
	if err := c.handshake(export); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

func (c *NBDClient) handshake(export string) error {
	var hello [18]byte
	if _, err := io.ReadFull(c.in, hello[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint64(hello[:]) != nbdMagic || binary.BigEndian.Uint64(hello[8:]) != nbdOptionMagic {
		return errors.New("nbd: not a newstyle server")
	}
	b := binary.BigEndian.AppendUint32(nil, nbdClientFlags)
	b = binary.BigEndian.AppendUint64(b, nbdOptionMagic)
	b = binary.BigEndian.AppendUint32(b, nbdExportName)
	b = binary.BigEndian.AppendUint32(b, uint32(len(export)))
	if _, err := c.conn.Write(append(b, export...)); err != nil {
		return err
	}
	var answer [10]byte
	if _, err := io.ReadFull(c.in, answer[:]); err != nil {
		return fmt.Errorf("nbd: export %s: %w", export, err)
	}
	c.Size = int64(binary.BigEndian.Uint64(answer[:]))
	return nil
}

// WriteAt writes p; nil means that the server has acknowledged it.
func (c *NBDClient) WriteAt(p []byte, off int64) error {
	return c.request(nbdWrite, off, len(p), p, nil)
}

// ReadAt fills p.
func (c *NBDClient) ReadAt(p []byte, off int64) error {
	return c.request(nbdRead, off, len(p), nil, p)
}

// Flush makes acknowledged writes durable.
func (c *NBDClient) Flush() error { return c.request(nbdFlush, 0, 0, nil, nil) }

// Close leaves in order.
func (c *NBDClient) Close() error {
	_, err := c.conn.Write(c.header(nbdDisconnect, 0, 0))
	return errors.Join(err, c.conn.Close())
}

func (c *NBDClient) header(command uint16, off int64, length int) []byte {
	c.cookie++
	b := make([]byte, 0, nbdRequestLength)
	b = binary.BigEndian.AppendUint32(b, nbdRequestMagic)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint16(b, command)
	b = binary.BigEndian.AppendUint64(b, c.cookie)
	b = binary.BigEndian.AppendUint64(b, uint64(off))
	return binary.BigEndian.AppendUint32(b, uint32(length))
}

func (c *NBDClient) request(command uint16, off int64, length int, out, in []byte) error {
	if _, err := c.conn.Write(append(c.header(command, off, length), out...)); err != nil {
		return err
	}
	var reply [nbdReplyLength]byte
	if _, err := io.ReadFull(c.in, reply[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(reply[:]) != nbdReplyMagic || binary.BigEndian.Uint64(reply[8:]) != c.cookie {
		return errors.New("nbd: reply out of step")
	}
	if errno := binary.BigEndian.Uint32(reply[4:]); errno != 0 {
		return fmt.Errorf("nbd: error %d", errno)
	}
	_, err := io.ReadFull(c.in, in)
	return err
}
