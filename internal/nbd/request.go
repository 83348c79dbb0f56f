package nbd

import (
	"encoding/binary"
	"fmt"
)

// request is the header of a request.
type request struct {
	flags  uint16
	cmd    uint16
	cookie uint64
	offset uint64
	length uint32
}

// decodeRequest reads a request header from the first requestSize bytes of b.
func decodeRequest(b []byte) (request, error) {
	_ = b[requestSize-1]
	if magic := binary.BigEndian.Uint32(b); magic != magicRequest {
		return request{}, fmt.Errorf("%w: request magic %#x", ErrProtocol, magic)
	}
	return request{
		flags:  binary.BigEndian.Uint16(b[4:]),
		cmd:    binary.BigEndian.Uint16(b[6:]),
		cookie: binary.BigEndian.Uint64(b[8:]),
		offset: binary.BigEndian.Uint64(b[16:]),
		length: binary.BigEndian.Uint32(b[24:]),
	}, nil
}

// appendRequest is the inverse of decodeRequest.
func appendRequest(b []byte, r request) []byte {
	b = binary.BigEndian.AppendUint32(b, magicRequest)
	b = binary.BigEndian.AppendUint16(b, r.flags)
	b = binary.BigEndian.AppendUint16(b, r.cmd)
	b = binary.BigEndian.AppendUint64(b, r.cookie)
	b = binary.BigEndian.AppendUint64(b, r.offset)
	return binary.BigEndian.AppendUint32(b, r.length)
}

// dataLength is the number of bytes that follow the header.
func (r request) dataLength() int64 {
	if r.cmd == cmdWrite {
		return int64(r.length)
	}
	return 0
}

// held is the number of bytes that the request occupies while it is in flight.
func (r request) held() int64 {
	if r.cmd == cmdWrite || r.cmd == cmdRead {
		return int64(r.length)
	}
	return 0
}

// session is what the handshake settled for the transmission.
type session struct {
	size       uint64
	readOnly   bool
	structured bool // structured replies negotiated
	status     bool // base:allocation selected for this export
}

// commandFlags are the flags a command may carry besides FUA, which all may.
func commandFlags(cmd uint16, s session) uint16 {
	switch cmd {
	case cmdRead:
		if s.structured {
			return cmdFlagDF
		}
	case cmdWriteZeroes:
		return cmdFlagNoHole | cmdFlagFastZero
	case cmdBlockStatus:
		return cmdFlagReqOne
	}
	return 0
}

// check says what is wrong with a request before anything is done for it.
func (r request) check(s session) failure {
	if r.cmd > cmdBlockStatus || r.cmd == cmdDisc {
		return failure{eINVAL, "unknown command"}
	}
	if r.flags&^(commandFlags(r.cmd, s)|cmdFlagFUA) != 0 {
		return failure{eINVAL, "flag not valid for this command"}
	}
	if r.cmd == cmdFlush {
		if r.offset != 0 || r.length != 0 {
			return failure{eINVAL, "flush takes no range"}
		}
		return failure{}
	}
	modifies := r.cmd == cmdWrite || r.cmd == cmdTrim || r.cmd == cmdWriteZeroes
	if modifies && s.readOnly {
		return failure{ePERM, "export is read-only"}
	}
	// Not offset+length > size: that sum can wrap around.
	if r.offset > s.size || uint64(r.length) > s.size-r.offset {
		if r.cmd == cmdWrite || r.cmd == cmdWriteZeroes {
			return failure{eNOSPC, "range ends after the export"}
		}
		return failure{eINVAL, "range ends after the export"}
	}
	return r.checkLength(s)
}

func (r request) checkLength(s session) failure {
	switch r.cmd {
	case cmdRead, cmdWrite:
		if r.length <= MaxPayload {
			break
		}
		if r.flags&cmdFlagDF != 0 {
			return failure{eOVERFLOW, "too long for one chunk"}
		}
		return failure{eINVAL, "longer than the maximum payload"}
	case cmdBlockStatus:
		if !s.status {
			return failure{eINVAL, "no metadata context was negotiated"}
		}
		if r.length == 0 {
			return failure{eINVAL, "block status of nothing"}
		}
	}
	return failure{}
}
