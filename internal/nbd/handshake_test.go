package nbd

import (
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func oneVolume(t testing.TB) map[string]Export {
	return map[string]Export{"vol": newMemoryExport(1 << 20)}
}

func TestClientFlags(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	for flags := uint32(4); flags != 0; flags <<= 1 {
		dial(t, s, flags|flagFixedNewstyle).gone(t)
	}
	for _, flags := range []uint32{0, flagNoZeroes} { // EXPORT_NAME is all they may send
		dial := dial(t, s, flags)
		_, err := dial.option(optList, nil)
		require.Error(t, err)
	}
	for _, flags := range []uint32{0, flagFixedNewstyle, flagNoZeroes, flagFixedNewstyle | flagNoZeroes} {
		c := dial(t, s, flags)
		_, err := c.nc.Write(appendOption(nil, optExportName, []byte("vol")))
		require.NoError(t, err)
		reply := make([]byte, exportReplySize)
		_, err = io.ReadFull(c.in, reply)
		require.NoError(t, err)
		require.EqualValues(t, 1<<20, binary.BigEndian.Uint64(reply))
		c.flags = binary.BigEndian.Uint16(reply[8:])
		require.Zero(t, c.flags&txSendDF, "DF without structured replies")
		if flags&flagNoZeroes == 0 {
			padding := make([]byte, oldPaddingSize)
			_, err = io.ReadFull(c.in, padding)
			require.NoError(t, err)
			require.Equal(t, make([]byte, oldPaddingSize), padding)
		}
		require.Equal(t, eOK, c.do(t, request{cmd: cmdRead, length: 512}, nil).errno)
	}
}

func TestExportNameCannotFailSoftly(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	for _, name := range []string{"other", "\xff", "a\x00b", strings.Repeat("x", MaxNameLength+1)} {
		c := dial(t, s, flagFixedNewstyle)
		_, err := c.nc.Write(appendOption(nil, optExportName, []byte(name)))
		require.NoError(t, err)
		c.gone(t)
	}
}

func TestOptions(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	c := dial(t, s, flagFixedNewstyle|flagNoZeroes)
	long := strings.Repeat("x", MaxNameLength)
	for name, step := range map[string]struct {
		option  uint32
		payload []byte
		want    uint32
	}{
		"unknown":                    {77, []byte("what"), repErrUnsup},
		"extended headers":           {11, nil, repErrUnsup},
		"peek":                       {4, nil, repErrUnsup},
		"unknown and huge":           {0xffffffff, make([]byte, maxOptionDiscard), repErrUnsup},
		"TLS is off":                 {optStartTLS, nil, repErrUnsup},
		"list with payload":          {optList, []byte{1}, repErrInvalid},
		"structured with payload":    {optStructuredReply, []byte{1}, repErrInvalid},
		"starttls with payload":      {optStartTLS, []byte{1}, repErrInvalid},
		"too big":                    {optGo, make([]byte, maxOptionPayload+1), repErrTooBig},
		"empty go":                   {optGo, nil, repErrInvalid},
		"go short":                   {optGo, []byte{0, 0, 0}, repErrInvalid},
		"name past the end":          {optInfo, []byte{0, 0, 0, 9, 'v', 0, 0}, repErrInvalid},
		"name near 2^32":             {optInfo, []byte{0xff, 0xff, 0xff, 0xff, 'v', 0, 0}, repErrInvalid},
		"more items than said":       {optInfo, []byte{0, 0, 0, 1, 'v', 0, 0, 0, 3}, repErrInvalid},
		"fewer items than said":      {optInfo, []byte{0, 0, 0, 1, 'v', 0, 2, 0, 3}, repErrInvalid},
		"items missing":              {optInfo, []byte{0, 0, 0, 1, 'v', 0x7f, 0xff}, repErrInvalid},
		"name of full length":        {optInfo, infoRequest{long, nil}.append(nil), repErrUnknown},
		"name too long":              {optInfo, infoRequest{long + "x", nil}.append(nil), repErrTooBig},
		"name with NUL":              {optInfo, infoRequest{"a\x00", nil}.append(nil), repErrInvalid},
		"unknown export":             {optGo, infoRequest{"other", nil}.append(nil), repErrUnknown},
		"context before structured":  {optSetMetaContext, metaRequest{"vol", nil}.append(nil), repErrInvalid},
		"contexts before structured": {optListMetaContext, metaRequest{"vol", nil}.append(nil), repErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, step.want, c.final(t, step.option, step.payload))
		})
	}
	require.NoError(t, c.negotiate("vol", true), "all of it leaves the connection in step")
}

func TestTooLargeOptionEndsTheConnection(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	c := dial(t, s, flagFixedNewstyle)
	header := appendOption(nil, 77, nil)
	binary.BigEndian.PutUint32(header[12:], maxOptionDiscard+1)
	_, err := c.nc.Write(header)
	require.NoError(t, err)
	c.gone(t)
}

func TestBadOptionMagic(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	c := dial(t, s, flagFixedNewstyle)
	_, err := c.nc.Write(make([]byte, optionHeaderSize))
	require.NoError(t, err)
	c.gone(t)
}

func TestTooManyOptions(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	c := dial(t, s, flagFixedNewstyle)
	for range maxOptions {
		require.EqualValues(t, repErrUnsup, c.final(t, 77, nil))
	}
	c.gone(t)
}

func TestAbort(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	c := dial(t, s, flagFixedNewstyle)
	require.EqualValues(t, repAck, c.final(t, optAbort, []byte("ignored")))
	c.gone(t)

	c = dial(t, s, flagFixedNewstyle) // one that does not wait for the answer
	_, err := c.nc.Write(appendOption(nil, optAbort, nil))
	require.NoError(t, err)
	c.nc.Close()
	require.Eventually(t, func() bool { return s.Metrics().Connections == 0 }, 5*time.Second, time.Millisecond)
	require.Zero(t, s.Metrics().HandshakeFailures)
}

func TestList(t *testing.T) {
	exports := map[string]Export{"a": newMemoryExport(1), "b": newMemoryExport(2), "vol": newMemoryExport(3)}
	s := start(t, Options{}, nil, exports)
	replies, err := dial(t, s, flagFixedNewstyle).option(optList, nil)
	require.NoError(t, err)
	require.Len(t, replies, 4, "one reply per export, then ACK")
	for i, name := range []string{"a", "b", "vol"} {
		require.EqualValues(t, repServer, replies[i].kind)
		require.Equal(t, appendString32(nil, name), replies[i].payload[:4+len(name)])
	}
	hidden := start(t, Options{HideExports: true}, nil, exports)
	c := dial(t, hidden, flagFixedNewstyle)
	require.EqualValues(t, repErrPolicy, c.final(t, optList, nil))
	require.NoError(t, c.negotiate("b", true))
}

func TestInfoEqualsGo(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	c := dial(t, s, flagFixedNewstyle)
	require.EqualValues(t, repAck, c.final(t, optStructuredReply, nil))
	c.structured = true
	ask := infoRequest{"", []uint16{infoName, infoDescription, infoBlockSize, 999}}.append(nil)
	info, err := c.option(optInfo, ask)
	require.NoError(t, err)
	require.Len(t, info, 5)
	require.Equal(t, "vol", string(info[2].payload[2:]))
	require.Equal(t, "memory of vol", string(info[3].payload[2:]))
	again, err := c.option(optGo, ask)
	require.NoError(t, err)
	require.Equal(t, info, again)
	require.NoError(t, c.enter(again))
	require.Equal(t, eOK, c.do(t, request{cmd: cmdRead, length: 512}, nil).errno, "no padding follows GO")
}

func TestLongestName(t *testing.T) {
	name := strings.Repeat("n", MaxNameLength)
	s := start(t, Options{}, nil, map[string]Export{name: newMemoryExport(1 << 20)})
	require.Equal(t, eOK, attach(t, s, name).do(t, request{cmd: cmdRead, length: 512}, nil).errno)
}

func TestMetaContext(t *testing.T) {
	s := start(t, Options{}, nil, map[string]Export{"vol": newMemoryExport(1 << 20), "other": newMemoryExport(1 << 20)})
	structured := func(t *testing.T) *wireClient {
		c := dial(t, s, flagFixedNewstyle)
		require.EqualValues(t, repAck, c.final(t, optStructuredReply, nil))
		c.structured = true
		return c
	}
	for name, test := range map[string]struct {
		option  uint32
		queries []string
		found   int
	}{
		"list all":            {optListMetaContext, nil, 1},
		"list namespace":      {optListMetaContext, []string{"base:"}, 1},
		"list exact":          {optListMetaContext, []string{"base:allocation"}, 1},
		"list foreign":        {optListMetaContext, []string{"x-mine:dirty", "qemu:"}, 0},
		"set nothing":         {optSetMetaContext, nil, 0},
		"set namespace":       {optSetMetaContext, []string{"base:"}, 0},
		"set exact and other": {optSetMetaContext, []string{"x-mine:dirty", "base:allocation"}, 1},
		"set longer":          {optSetMetaContext, []string{"base:allocation2"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			replies, err := structured(t).option(test.option, metaRequest{"vol", test.queries}.append(nil))
			require.NoError(t, err)
			require.EqualValues(t, repAck, replies[len(replies)-1].kind)
			require.Len(t, replies, test.found+1)
		})
	}
	t.Run("malformed", func(t *testing.T) {
		c := structured(t)
		for _, payload := range [][]byte{nil, {0, 0, 0, 9}, {0, 0, 0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}, append(metaRequest{"vol", nil}.append(nil), 1)} {
			require.EqualValues(t, repErrInvalid, c.final(t, optSetMetaContext, payload), "%x", payload)
		}
		require.EqualValues(t, repErrTooBig, c.final(t, optSetMetaContext, []byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}))
		require.EqualValues(t, repErrUnknown, c.final(t, optSetMetaContext, metaRequest{"none", nil}.append(nil)))
	})
	status := request{cmd: cmdBlockStatus, length: 4096}
	t.Run("bound to the export", func(t *testing.T) {
		c := structured(t)
		require.EqualValues(t, repAck, c.final(t, optSetMetaContext, metaRequest{"other", []string{contextAllocation}}.append(nil)))
		require.NoError(t, c.negotiate("vol", false))
		require.Equal(t, eINVAL, c.do(t, status, nil).errno)
	})
	t.Run("failure replaces", func(t *testing.T) {
		c := structured(t)
		require.EqualValues(t, repAck, c.final(t, optSetMetaContext, metaRequest{"vol", []string{contextAllocation}}.append(nil)))
		require.EqualValues(t, repErrUnknown, c.final(t, optSetMetaContext, metaRequest{"none", nil}.append(nil)))
		require.NoError(t, c.negotiate("vol", false))
		require.Equal(t, eINVAL, c.do(t, status, nil).errno)
	})
	require.Equal(t, eOK, attach(t, s, "vol").do(t, status, nil).errno)
}

func TestSimpleRepliesHaveNoDF(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	c := dial(t, s, flagFixedNewstyle)
	require.NoError(t, c.negotiate("vol", false))
	require.Zero(t, c.flags&txSendDF)
	require.Equal(t, eINVAL, c.do(t, request{cmd: cmdRead, flags: cmdFlagDF, length: 512}, nil).errno)
	require.Equal(t, eINVAL, c.do(t, request{cmd: cmdBlockStatus, length: 512}, nil).errno)
	require.Equal(t, eOK, c.do(t, request{cmd: cmdRead, length: 512}, nil).errno)
}
