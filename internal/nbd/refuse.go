package nbd

import "errors"

// Answers to an option, for replies.
var (
	errInvalid = errors.New("invalid option")
	errTooBig  = errors.New("option too big")
	errPolicy  = errors.New("not allowed")
	errUnsup   = errors.New("option not supported")
	errTLSReqd = errors.New("TLS is required")
)

// replyFlushSize is how many bytes of option replies gather before they are sent.
const replyFlushSize = 16 << 10

// reply queues an option reply.
func (n *negotiator) reply(option, kind uint32, payload []byte) error {
	n.out = appendOptReply(n.out, option, kind, len(payload))
	n.out = append(n.out, payload...)
	if len(n.out) < replyFlushSize {
		return nil
	}
	return n.send()
}

// send writes the queued replies.
func (n *negotiator) send() error {
	_, err := n.nc.Write(n.out)
	n.out = n.out[:0]
	return err
}

func (n *negotiator) acknowledge(option uint32) error {
	if err := n.reply(option, repAck, nil); err != nil {
		return err
	}
	return n.send()
}

// refuse answers an option with the error reply for reason; errors of the connection
// pass through, and nil is nothing to refuse.
func (n *negotiator) refuse(option uint32, reason error) error {
	if reason == nil {
		return nil
	}
	kind, text := uint32(repErrPlatform), "cannot open the export"
	for _, known := range []struct {
		err  error
		kind uint32
	}{
		{errInvalid, repErrInvalid}, {errTooBig, repErrTooBig}, {errPolicy, repErrPolicy},
		{errUnsup, repErrUnsup}, {errTLSReqd, repErrTLSReqd}, {ErrShuttingDown, repErrShutdown},
		{ErrNoExport, repErrUnknown}, {ErrDenied, repErrPolicy},
	} {
		if errors.Is(reason, known.err) {
			kind, text = known.kind, known.err.Error()
			break
		}
	}
	var broken *brokenError
	if errors.As(reason, &broken) {
		return broken.err
	}
	if err := n.reply(option, kind, []byte(text)); err != nil {
		return err
	}
	return n.send()
}

// brokenError is a failure of the connection, as opposed to one of an option.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

func broken(err error) error {
	if err == nil {
		return nil
	}
	return &brokenError{err}
}
