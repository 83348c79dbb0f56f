package nbd

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// negotiator is the state of a handshake.
//
// It reads exactly the bytes of the message at hand from the connection: what a client
// sends behind STARTTLS is never in a buffer of ours that could carry it into the TLS
// session, but reaches the TLS layer, which refuses it.
type negotiator struct {
	*conn
	ctx             context.Context // ends with the handshake's time
	fixed, noZeroes bool
	secure          bool // TLS is running
	structured      bool
	contextFor      *string // export for which base:allocation is selected
	out             []byte
}

// handshake runs the option haggling until an export is open.
func (c *conn) handshake() error {
	limit := time.Now().Add(c.server.limits.Handshake)
	if err := c.raw.SetWriteDeadline(limit); err != nil {
		return err
	}
	if err := c.readBy(limit); err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(c.ctx, limit)
	defer cancel()
	n := &negotiator{conn: c, ctx: ctx}
	if err := n.greet(); err != nil {
		return err
	}
	for range maxOptions {
		done, err := n.option()
		if err != nil {
			return err
		}
		if done {
			return c.readBy(time.Time{})
		}
	}
	return fmt.Errorf("%w: more than %d options", ErrProtocol, maxOptions)
}

func (n *negotiator) greet() error {
	b := make([]byte, 0, greetingSize)
	b = binary.BigEndian.AppendUint64(b, magicInit)
	b = binary.BigEndian.AppendUint64(b, magicOption)
	b = binary.BigEndian.AppendUint16(b, flagFixedNewstyle|flagNoZeroes)
	if _, err := n.nc.Write(b); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(n.nc, answer[:]); err != nil {
		return endOfStream(err)
	}
	flags := binary.BigEndian.Uint32(answer[:])
	if flags&^(flagFixedNewstyle|flagNoZeroes) != 0 {
		return fmt.Errorf("%w: client flags %#x", ErrProtocol, flags)
	}
	n.fixed, n.noZeroes = flags&flagFixedNewstyle != 0, flags&flagNoZeroes != 0
	return nil
}

// option reads one option and answers it; done means that an export is open.
func (n *negotiator) option() (done bool, err error) {
	var head [optionHeaderSize]byte
	if _, err := io.ReadFull(n.nc, head[:]); err != nil {
		return false, endOfStream(err)
	}
	h, err := decodeOptionHeader(head[:])
	if err != nil {
		return false, err
	}
	if h.option != optExportName && !n.fixed {
		return false, fmt.Errorf("%w: option %d without fixed newstyle", ErrProtocol, h.option)
	}
	refusal := n.admit(h)
	if h.option == optExportName && refusal != nil {
		return false, fmt.Errorf("%w: EXPORT_NAME: %w", ErrProtocol, refusal) // cannot be answered
	}
	if refusal != nil {
		if err := n.discard(h.length); err != nil {
			return false, err
		}
		return false, n.refuse(h.option, refusal)
	}
	payload := make([]byte, h.length)
	if _, err := io.ReadFull(n.nc, payload); err != nil {
		return false, err
	}
	return n.answer(h.option, payload)
}

// admit refuses, before its payload is read, an option that cannot be served now.
func (n *negotiator) admit(h optionHeader) error {
	known := h.option >= optExportName && h.option <= optSetMetaContext && h.option != 4
	switch {
	case h.option == optAbort:
		if h.length > maxOptionPayload {
			return errTooBig
		}
	case n.draining.Load():
		return ErrShuttingDown
	case n.tls != nil && !n.secure && h.option != optStartTLS:
		return errTLSReqd
	case !known:
		return errUnsup
	case h.length > maxOptionPayload, h.option == optExportName && h.length > MaxNameLength:
		return errTooBig
	case h.length > 0 && (h.option == optList || h.option == optStartTLS || h.option == optStructuredReply):
		return fmt.Errorf("%w: option takes no payload", errInvalid)
	}
	return nil
}

// discard reads an option's payload away.
func (n *negotiator) discard(length uint32) error {
	if length > maxOptionDiscard {
		return fmt.Errorf("%w: option of %d bytes", ErrProtocol, length)
	}
	_, err := io.CopyN(io.Discard, n.nc, int64(length))
	return err
}

// answer serves an admitted option.
func (n *negotiator) answer(option uint32, payload []byte) (done bool, err error) {
	switch option {
	case optExportName:
		return true, n.exportName(payload)
	case optAbort:
		return false, errors.Join(n.acknowledge(option), errAborted)
	case optStartTLS:
		return false, n.startTLS()
	case optList:
		return false, n.refuse(option, n.list())
	case optStructuredReply:
		n.structured = true
		return false, n.acknowledge(option)
	case optListMetaContext, optSetMetaContext:
		return false, n.refuse(option, n.metaContext(option, payload))
	}
	err = n.information(option, payload)
	if err != nil || option == optInfo {
		return false, n.refuse(option, err)
	}
	return true, nil
}

// startTLS answers STARTTLS. Nothing negotiated in clear survives it.
func (n *negotiator) startTLS() error {
	switch {
	case n.tls == nil:
		return n.refuse(optStartTLS, errUnsup)
	case n.secure:
		return n.refuse(optStartTLS, fmt.Errorf("%w: TLS is already running", errInvalid))
	}
	if err := n.acknowledge(optStartTLS); err != nil {
		return err
	}
	secured := tls.Server(n.raw, n.tls)
	if err := secured.HandshakeContext(n.ctx); err != nil {
		n.server.counters.tlsFailures.Add(1)
		return fmt.Errorf("TLS handshake: %w", err)
	}
	n.nc, n.secure = secured, true
	n.structured, n.contextFor = false, nil
	return nil
}
