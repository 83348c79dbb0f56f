package awsapi

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"
)

// Items is a list of the EC2 protocol: <volumeSet><item>…</item></volumeSet>. As a
// field it is sent also when empty, which clients rely on:
//
//	VolumeSet Items[volume] `xml:"volumeSet"`
type Items[T any] struct {
	Item []T `xml:"item"`
}

// Members is a list of the Query protocol: <Users><member>…</member></Users>.
type Members[T any] struct {
	Member []T `xml:"member"`
}

// Timestamp formats a time as the XML protocols do: ISO 8601 in UTC with milliseconds.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

const xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// encodeQuery encodes the answer of a Query operation.
func encodeQuery(s *Service, operation, requestID string, answer any) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%sResponse xmlns=%q>", operation, s.Namespace)
	if answer != nil {
		result := operation + "Result"
		if err := xml.NewEncoder(&b).EncodeElement(answer, start(result)); err != nil {
			return nil, fmt.Errorf("awsapi: encode %s: %w", operation, err)
		}
	}
	fmt.Fprintf(&b, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", requestID, operation)
	return b.Bytes(), nil
}

// encodeEC2 encodes the answer of an EC2 operation: its fields stand beside requestId,
// so the element that encoding/xml puts around them is taken off.
func encodeEC2(s *Service, operation, requestID string, answer any) ([]byte, error) {
	var fields []byte
	if answer != nil {
		var b bytes.Buffer
		if err := xml.NewEncoder(&b).EncodeElement(answer, start("x")); err != nil {
			return nil, fmt.Errorf("awsapi: encode %s: %w", operation, err)
		}
		fields = bytes.TrimSuffix(bytes.TrimPrefix(b.Bytes(), []byte("<x>")), []byte("</x>"))
	}
	var b bytes.Buffer
	b.WriteString(xmlHeader)
	fmt.Fprintf(&b, "<%sResponse xmlns=%q><requestId>%s</requestId>", operation, s.Namespace, requestID)
	b.Write(fields)
	fmt.Fprintf(&b, "</%sResponse>", operation)
	return b.Bytes(), nil
}

func start(name string) xml.StartElement { return xml.StartElement{Name: xml.Name{Local: name}} }

// escape makes text safe inside an XML element.
func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a bytes.Buffer does not fail
	return b.String()
}
