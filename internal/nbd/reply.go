package nbd

import "encoding/binary"

// errorReplySize holds the longest error chunk.
const errorReplySize = chunkHeaderSize + 4 + 2 + maxErrorText + 8

// appendOptReply appends the header of an option reply whose payload is n bytes.
func appendOptReply(b []byte, option, reply uint32, n int) []byte {
	b = binary.BigEndian.AppendUint64(b, magicOptReply)
	b = binary.BigEndian.AppendUint32(b, option)
	b = binary.BigEndian.AppendUint32(b, reply)
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

// appendSimple appends a simple reply, without the data that may follow it.
func appendSimple(b []byte, cookie uint64, e errno) []byte {
	b = binary.BigEndian.AppendUint32(b, magicSimple)
	b = binary.BigEndian.AppendUint32(b, uint32(e))
	return binary.BigEndian.AppendUint64(b, cookie)
}

// appendChunk appends the header of a structured reply chunk whose payload is n bytes.
func appendChunk(b []byte, cookie uint64, flags, kind uint16, n int) []byte {
	b = binary.BigEndian.AppendUint32(b, magicStructured)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint64(b, cookie)
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

// appendDataHeader appends what precedes the n data bytes of a data chunk.
func appendDataHeader(b []byte, cookie uint64, flags uint16, offset uint64, n int) []byte {
	b = appendChunk(b, cookie, flags, chunkData, 8+n)
	return binary.BigEndian.AppendUint64(b, offset)
}

// appendHole appends a hole chunk.
func appendHole(b []byte, cookie uint64, flags uint16, offset uint64, n uint32) []byte {
	b = appendChunk(b, cookie, flags, chunkHole, 8+4)
	b = binary.BigEndian.AppendUint64(b, offset)
	return binary.BigEndian.AppendUint32(b, n)
}

// appendNone appends the chunk that ends a reply without further content.
func appendNone(b []byte, cookie uint64) []byte {
	return appendChunk(b, cookie, chunkDone, chunkNone, 0)
}

// appendError appends an error chunk that ends its reply.
func appendError(b []byte, cookie uint64, f failure) []byte {
	b = appendChunk(b, cookie, chunkDone, chunkError, 4+2+len(f.text))
	b = binary.BigEndian.AppendUint32(b, uint32(f.errno))
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.text)))
	return append(b, f.text...)
}

// appendErrorAt appends an error chunk for one offset that ends its reply.
func appendErrorAt(b []byte, cookie uint64, f failure, offset uint64) []byte {
	b = appendChunk(b, cookie, chunkDone, chunkErrorOffset, 4+2+len(f.text)+8)
	b = binary.BigEndian.AppendUint32(b, uint32(f.errno))
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.text)))
	b = append(b, f.text...)
	return binary.BigEndian.AppendUint64(b, offset)
}
