package audit

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"coffer.example/aead"
)

const (
	formatVersion = 1
	chainSize     = 32

	seqMember   = `,"cofferSeq":`
	chainMember = `,"cofferChain":"`
	lineEnd     = `"}` + "\n"

	// trailerSize is what follows the sequence number on a line.
	trailerSize = len(chainMember) + 2*chainSize + len(lineEnd)

	ownMember = `{"cofferAudit":`
)

// head is the end of a chain.
type head struct {
	file  uint64 // number of the file that holds it
	seq   uint64
	chain [chainSize]byte
}

// encodeRecord writes the line of an event that follows h into scratch space, and
// returns the head that it makes. The line is buf[chainSize:]; before it stands the
// previous chain value, so that the MAC's message is contiguous.
func encodeRecord(scratch []byte, key *aead.MACKey, h head, event []byte) (buf []byte, next head) {
	next = head{file: h.file, seq: h.seq + 1}
	dst := append(scratch[:0], h.chain[:]...)
	dst = append(dst, event[:len(event)-1]...)
	dst = append(dst, seqMember...)
	dst = strconv.AppendUint(dst, next.seq, 10)
	next.chain = key.Sum(dst)
	dst = append(dst, chainMember...)
	dst = hex.AppendEncode(dst, next.chain[:])
	dst = append(dst, lineEnd...)
	return dst, next
}

// checkRecord verifies that a line (with its newline) follows h and returns the head
// that it makes. A nil key checks the form and the sequence alone. scratch is reused.
func checkRecord(scratch *[]byte, key *aead.MACKey, h head, line []byte) (head, error) {
	body, chain, err := splitRecord(line)
	if err != nil {
		return head{}, err
	}
	i := bytes.LastIndex(body, []byte(seqMember))
	if i < 0 {
		return head{}, errors.New("no sequence number")
	}
	digits := string(body[i+len(seqMember):])
	seq, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case err != nil || digits != strconv.FormatUint(seq, 10):
		return head{}, errors.New("malformed sequence number")
	case seq != h.seq+1:
		return head{}, fmt.Errorf("sequence number %d where %d belongs", seq, h.seq+1)
	}
	if key != nil {
		*scratch = append(append((*scratch)[:0], h.chain[:]...), body...)
		if !key.VerifySum(*scratch, chain[:]) {
			return head{}, errors.New("chain value does not match")
		}
	}
	return head{file: h.file, seq: seq, chain: chain}, nil
}

// splitRecord separates what the chain value covers from the chain value.
func splitRecord(line []byte) (body []byte, chain [chainSize]byte, err error) {
	n := len(line) - trailerSize
	if n < 1 {
		return nil, chain, errors.New("line too short")
	}
	trailer := line[n:]
	digits := trailer[len(chainMember) : len(chainMember)+2*chainSize]
	if string(trailer[:len(chainMember)]) != chainMember || string(trailer[len(trailer)-len(lineEnd):]) != lineEnd ||
		bytes.ContainsAny(digits, "ABCDEF") {
		return nil, chain, errors.New("no chain value")
	}
	if _, err := hex.Decode(chain[:], digits); err != nil {
		return nil, chain, errors.New("malformed chain value")
	}
	return line[:n], chain, nil
}

// header is what the first record of a file says of itself.
type header struct {
	Format   int    `json:"format"`
	File     uint64 `json:"file"`
	Previous string `json:"previous"`
	Restart  string `json:"restart,omitempty"`
}

// fileName returns the name of file n.
func fileName(n uint64) string { return fmt.Sprintf("audit-%010d.jsonl", n) }

// listFiles returns the numbers of the log's files in a directory, in order.
func listFiles(fs FS, dir string) ([]uint64, error) {
	names, err := fs.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		digits := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), "audit-"), ".jsonl")
		n, err := strconv.ParseUint(digits, 10, 64)
		if err == nil && n > 0 && name == fileName(n) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

const anchorSize = 1 + 8 + 8 + chainSize

// encodeAnchor writes a head as an anchor.
func encodeAnchor(h head) []byte {
	b := []byte{formatVersion}
	b = binary.BigEndian.AppendUint64(b, h.file)
	b = binary.BigEndian.AppendUint64(b, h.seq)
	return append(b, h.chain[:]...)
}

// decodeAnchor reads an anchor; none at all is the head of an empty log.
func decodeAnchor(b []byte) (h head, err error) {
	switch {
	case len(b) == 0:
		return h, nil
	case len(b) != anchorSize || b[0] != formatVersion:
		return h, fmt.Errorf("%w: the anchor is malformed", ErrBroken)
	}
	h.file = binary.BigEndian.Uint64(b[1:])
	h.seq = binary.BigEndian.Uint64(b[9:])
	copy(h.chain[:], b[17:])
	return h, nil
}
