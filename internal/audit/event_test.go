package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func fullEvent() Event {
	return Event{
		EventVersion: EventVersion,
		UserIdentity: UserIdentity{
			Type: "AssumedRole", PrincipalID: "AROAEXAMPLE:i-1", ARN: "arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure/i-1",
			AccountID: "111122223333", AccessKeyID: "ASIAEXAMPLE", InvokedBy: "ec2.amazonaws.com",
			SessionContext: &SessionContext{
				SessionIssuer: SessionIssuer{"Role", "AROAEXAMPLE", "arn:aws:iam::111122223333:role/r", "111122223333", "r"},
				Attributes:    SessionAttributes{"2026-03-04T12:00:00Z", "false"},
			},
		},
		EventTime: time.Date(2026, 3, 4, 13, 5, 6, 0, time.FixedZone("", 3600)), EventSource: "kms.amazonaws.com", EventName: "Decrypt",
		AWSRegion: "us-east-1", SourceIPAddress: "ec2.amazonaws.com", UserAgent: "a\"b\\c\n\x01<>&\u2028é😀",
		ErrorCode: "AccessDenied", ErrorMessage: "User: x is not authorized",
		RequestParameters: Fields{
			{"keyId", "k"}, {"encryptionContext", map[string]string{"b": "2", "a": "1\t"}}, {"numberOfBytes", 64}, {"dryRun", true},
			{"operations", []string{"Decrypt", "Encrypt"}}, {"none", nil}, {"big", int64(1) << 40}, {"inner", Fields{}}, {"other", map[string]int{"x": 1}},
		},
		AdditionalEventData: Fields{{"grantId", "g"}}, RequestID: "req", EventID: "ev", ReadOnly: true,
		Resources: []Resource{{"111122223333", "AWS::KMS::Key", "arn:k1"}, {"111122223333", "AWS::KMS::Key", "arn:k2"}},
		EventType: "AwsApiCall", ManagementEvent: true, RecipientAccountID: "111122223333", EventCategory: "Management",
		ServiceEventDetails: json.RawMessage(`{"x":1}`),
		Decision:            &Decision{Result: "Deny", Reason: "r", Policy: "p", Sid: "s", Grant: "g", State: "Disabled", Trace: []string{"t"}},
	}
}

// TestEncode compares the hand-written encoder with encoding/json.
func TestEncode(t *testing.T) {
	full, empty := fullEvent(), Event{}
	for _, e := range []Event{full, empty} {
		got, err := e.Encode()
		require.NoError(t, err)
		require.NotContains(t, string(got), "\n")
		e.EventTime = e.EventTime.UTC()
		want, err := json.Marshal(e)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got))
		require.Equal(t, names(t, want), names(t, got), "order of members")
	}
	bad := Event{RequestParameters: Fields{{"x", func() {}}}}
	_, err := bad.Encode()
	require.Error(t, err)
}

// names returns the names of a JSON object's members in order.
func names(t *testing.T, text []byte) (out []string) {
	dec := json.NewDecoder(bytes.NewReader(text))
	depth := 0
	isName := true
	for dec.More() || depth > 0 {
		tok, err := dec.Token()
		require.NoError(t, err)
		switch v := tok.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			isName = true
		case string:
			if depth == 1 && isName {
				out = append(out, v)
			}
			isName = !isName || depth != 1
		default:
			isName = true
		}
	}
	return out
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "\xff", "é\x00\"\\", "\u2028", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s)
		var back string
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, string([]rune(s)), back, "an invalid byte becomes U+FFFD")
		require.False(t, bytes.ContainsAny(b, "\n\r"))
	})
}

func TestScanFilters(t *testing.T) {
	fs := newMemFS()
	l := open(t, Options{Dir: "/a", Key: testKey(t), Anchor: &memAnchor{}, FS: fs, MaxFileBytes: 4000})
	start := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	for i := range 40 {
		e := Event{
			EventName: []string{"Decrypt", "Encrypt"}[i%2], RequestID: fmt.Sprintf("r-%06d", i), EventTime: start.Add(time.Duration(i) * time.Second), EventSource: "kms.amazonaws.com",
			UserIdentity:      UserIdentity{Type: "IAMUser", ARN: fmt.Sprintf("arn:aws:iam::111122223333:user/u%d", i%4), UserName: fmt.Sprintf("u%d", i%4), AccountID: "111122223333"},
			RequestParameters: Fields{{"keyId", "alias/x"}, {"encryptionContext", map[string]string{"aws:ebs:id": fmt.Sprintf("vol-%d", i%5), "x": "y"}}},
			Resources:         []Resource{{"111122223333", "AWS::KMS::Key", fmt.Sprintf("arn:aws:kms:us-east-1:111122223333:key/k%d", i%3)}},
		}
		if i%8 == 0 {
			e.ErrorCode = "AccessDenied"
		}
		if i == 39 {
			e.RequestParameters = Fields{{"keyId", 7}, {"constraints", "x"}} // another service's idea of these names
		}
		b, err := e.Encode()
		require.NoError(t, err)
		require.NoError(t, l.Record(context.Background(), b))
	}
	require.NoError(t, l.Close())
	count := func(f Filter) int {
		n := 0
		require.NoError(t, Scan(context.Background(), ScanOptions{Dir: "/a", FS: fs, Filter: f}, func([]byte) error { n++; return nil }))
		return n
	}
	require.Equal(t, 40, count(Filter{}))
	require.Equal(t, 20, count(Filter{EventName: "Decrypt"}))
	require.Equal(t, 0, count(Filter{EventSource: "ec2.amazonaws.com"}))
	require.Equal(t, 13, count(Filter{Key: "k1"}))
	require.Equal(t, 13, count(Filter{Key: "arn:aws:kms:us-east-1:111122223333:key/k1"}))
	require.Equal(t, 39, count(Filter{Key: "alias/x"}))
	require.Equal(t, 10, count(Filter{Principal: "u3"}))
	require.Equal(t, 10, count(Filter{Principal: "arn:aws:iam::111122223333:user/u3"}))
	require.Equal(t, 40, count(Filter{Principal: "111122223333"}))
	require.Equal(t, 8, count(Filter{Context: map[string]string{"aws:ebs:id": "vol-2"}}))
	require.Equal(t, 8, count(Filter{Context: map[string]string{"aws:ebs:id": "vol-2", "x": "y"}}))
	require.Equal(t, 0, count(Filter{Context: map[string]string{"aws:ebs:id": "vol-2", "x": "z"}}))
	require.Equal(t, 5, count(Filter{Error: "*"}))
	require.Equal(t, 5, count(Filter{Error: "AccessDenied"}))
	require.Equal(t, 1, count(Filter{RequestID: "r-000007"}))
	require.Equal(t, 3, count(Filter{Since: start.Add(5 * time.Second), Until: start.Add(8 * time.Second)}))
	require.Equal(t, 2, count(Filter{EventName: "Decrypt", Since: start.Add(5 * time.Second), Until: start.Add(9 * time.Second)}))
	require.Greater(t, count(Filter{Own: true}), 41, "headers")

	var last []string
	require.NoError(t, Scan(context.Background(), ScanOptions{Dir: "/a", FS: fs, Last: 12, Filter: Filter{EventName: "Encrypt"}}, func(line []byte) error {
		var e struct{ RequestID string }
		require.NoError(t, json.Unmarshal(line, &e))
		last = append(last, e.RequestID)
		return nil
	}))
	require.Len(t, last, 12)
	require.Equal(t, "r-000017", last[0])
	require.Equal(t, "r-000039", last[11])
	stop := fmt.Errorf("stop")
	require.ErrorIs(t, Scan(context.Background(), ScanOptions{Dir: "/a", FS: fs}, func([]byte) error { return stop }), stop)
}

func FuzzCheckRecord(f *testing.F) {
	key := testKey(f)
	buf, _ := encodeRecord(nil, key, head{}, event(1))
	f.Add(buf[chainSize:])
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var scratch []byte
		h, err := checkRecord(&scratch, nil, head{}, line)
		if err != nil {
			return
		}
		body, chain, err := splitRecord(line)
		require.NoError(t, err)
		require.Equal(t, h.chain, chain)
		again := append(append(append(bytes.Clone(body), chainMember...), fmt.Sprintf("%x", chain)...), lineEnd...)
		require.Equal(t, line, again)
		if _, err := checkRecord(&scratch, key, head{}, line); err == nil {
			require.Equal(t, buf[chainSize:], line, "a record that was never written verifies")
		}
	})
}

// FuzzVerify: any file gives an answer, and only the true one a good one.
func FuzzVerify(f *testing.F) {
	fs, anchor, key := newMemFS(), &memAnchor{}, testKey(f)
	l := open(f, Options{Dir: "/a", Key: key, Anchor: anchor, FS: fs})
	record(f, l, 0, 2)
	require.NoError(f, l.Close())
	good := bytes.Clone(fs.files["/a/"+fileName(1)].data)
	f.Add(good)
	f.Add([]byte("\n"))
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		fs := newMemFS()
		fs.files["/a/"+fileName(1)] = &memFile{data: data}
		_, err := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: key, Anchor: anchor.value})
		require.Equal(t, bytes.HasPrefix(data, good) && !bytes.Contains(data[len(good):], []byte("\n")), err == nil)
	})
}

func BenchmarkEncode(b *testing.B) {
	e := fullEvent()
	e.UserIdentity.SessionContext, e.ServiceEventDetails = nil, nil
	e.RequestParameters = Fields{{"keyId", "k"}, {"encryptionContext", map[string]string{"aws:ebs:id": "vol-1"}}}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.AppendJSON(buf); err != nil {
			b.Fatal(err)
		}
	}
}
