package nbd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// firstInherited is the first descriptor of socket activation (sd_listen_fds).
const firstInherited = 3

// maxInherited bounds the listeners that are inherited.
const maxInherited = 64

// Inherited returns the listeners passed by socket activation: LISTEN_FDS of them, if
// LISTEN_PID is this process. It returns none where there is no activation. Call it
// once, before other descriptors are opened; pass os.Getenv.
func Inherited(getenv func(string) string) ([]net.Listener, error) {
	if getenv("LISTEN_FDS") == "" || getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 1 || n > maxInherited {
		return nil, fmt.Errorf("LISTEN_FDS=%q is not a number of sockets", getenv("LISTEN_FDS"))
	}
	listeners := make([]net.Listener, 0, n)
	for fd := firstInherited; fd < firstInherited+n; fd++ {
		file := os.NewFile(uintptr(fd), "inherited socket "+strconv.Itoa(fd))
		l, err := net.FileListener(file) // works on a duplicate
		file.Close()
		if err != nil {
			for _, open := range listeners {
				open.Close()
			}
			return nil, fmt.Errorf("descriptor %d of LISTEN_FDS: %w", fd, err)
		}
		if unix, ok := l.(*net.UnixListener); ok {
			unix.SetUnlinkOnClose(false) // the socket belongs to whoever made it
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// Stdio returns the connection on a pair of descriptors such as standard input and
// output: a socket on both, or two pipes. It takes the descriptors.
func Stdio(in, out *os.File) (net.Conn, error) {
	if nc, err := net.FileConn(in); err == nil {
		return nc, errors.Join(in.Close(), out.Close())
	}
	from, err := pipeEnd(in)
	if err != nil {
		return nil, err
	}
	to, err := pipeEnd(out)
	if err != nil {
		from.Close()
		return nil, err
	}
	return &pipeConn{from, to}, nil
}

// pipeEnd reopens a pipe so that deadlines work on it.
func pipeEnd(file *os.File) (*os.File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Type() != os.ModeNamedPipe {
		return nil, fmt.Errorf("%s is neither a socket nor a pipe", file.Name())
	}
	fd, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name(), err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, syscall.Close(fd))
	}
	return os.NewFile(uintptr(fd), file.Name()), file.Close()
}

// pipeConn is a connection of two pipes.
type pipeConn struct{ in, out *os.File }

func (p *pipeConn) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p *pipeConn) Write(b []byte) (int, error) { return p.out.Write(b) }
func (p *pipeConn) Close() error                { return errors.Join(p.in.Close(), p.out.Close()) }
func (p *pipeConn) LocalAddr() net.Addr         { return pipeAddr{} }
func (p *pipeConn) RemoteAddr() net.Addr        { return pipeAddr{} }

func (p *pipeConn) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

func (p *pipeConn) SetReadDeadline(t time.Time) error  { return p.in.SetReadDeadline(t) }
func (p *pipeConn) SetWriteDeadline(t time.Time) error { return p.out.SetWriteDeadline(t) }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "stdio" }
