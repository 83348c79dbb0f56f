package query

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTree(t *testing.T) {
	p, err := Parse([]byte("Action=RunInstances&Version=2016-11-15&MinCount=1&DryRun=true" +
		"&BlockDeviceMapping.2.DeviceName=%2Fdev%2Fsdb&BlockDeviceMapping.2.Ebs.VolumeSize=8" +
		"&BlockDeviceMapping.10.DeviceName=c&BlockDeviceMapping.1.Ebs.Encrypted=false" +
		"&InstanceId.1=i-b&InstanceId.2=i-a&Filter.1.Name=tag%3Aa+b&Filter.1.Value.1=x" +
		"&Since=2026-01-02T03:04:05.5Z&Tags.member.1.Key=k"))
	require.NoError(t, err)
	require.Equal(t, "RunInstances", p.Required("Action"))
	require.Equal(t, "2016-11-15", p.String("Version"))
	require.EqualValues(t, 1, p.Int("MinCount", 0))
	require.EqualValues(t, 7, p.Int("MaxCount", 7))
	require.True(t, p.Flag("DryRun"))
	require.Nil(t, p.Bool("Encrypted"))

	devices := p.List("BlockDeviceMapping")
	require.Len(t, devices, 3, "in the order of the indexes")
	require.False(t, *devices[0].Bool("Ebs.Encrypted"))
	require.Equal(t, "/dev/sdb", devices[1].String("DeviceName"))
	require.EqualValues(t, 8, devices[1].Struct("Ebs").Int("VolumeSize", 0))
	require.Equal(t, "c", devices[2].String("DeviceName"))
	require.Equal(t, "BlockDeviceMapping.10.Ebs", devices[2].Name("Ebs"))

	require.Equal(t, []string{"i-b", "i-a"}, p.Strings("InstanceId"))
	require.Equal(t, "tag:a b", p.List("Filter")[0].String("Name"))
	require.Equal(t, []string{"x"}, p.List("Filter")[0].Strings("Value"))
	require.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC), p.Time("Since"))
	require.Equal(t, "k", p.List("Tags.member")[0].String("Key"))
	require.True(t, p.Has("BlockDeviceMapping.1.Ebs"))
	require.False(t, p.Has("BlockDeviceMapping.1.Ebs.KmsKeyId"))
	p.CheckUnknown()
	require.NoError(t, p.Err())
}

func TestGetterErrors(t *testing.T) {
	for _, c := range []struct {
		form string
		read func(p *Params)
		want Error
	}{
		{"", func(p *Params) { p.Required("VolumeId") }, Error{Problem: Missing, Param: "VolumeId"}},
		{"VolumeId=", func(p *Params) { p.Required("VolumeId") }, Error{Problem: Missing, Param: "VolumeId"}},
		{"A.1.B=", func(p *Params) { p.List("A")[0].Required("C") }, Error{Problem: Missing, Param: "A.1.C"}},
		{"Size=8G", func(p *Params) { p.Int("Size", 0) }, Error{Invalid, "Size", "8G", "Expected an integer."}},
		{"X=yes", func(p *Params) { p.Bool("X") }, Error{Invalid, "X", "yes", "Expected true or false."}},
		{"T=now", func(p *Params) { p.Time("T") }, Error{Invalid, "T", "now", "Expected an ISO 8601 timestamp."}},
		{"A.x=1", func(p *Params) { p.List("A") }, Error{Problem: Unknown, Param: "A.x"}},
		{"A.01=1", func(p *Params) { p.Strings("A") }, Error{Problem: Unknown, Param: "A.01"}},
		{"A.1.B=1", func(p *Params) { p.Strings("A") }, Error{Problem: Unknown, Param: "A.1.B"}},
		{"A=1&B.2.C=1&B.1=x", func(p *Params) { p.Strings("A"); p.CheckUnknown() }, Error{Problem: Unknown, Param: "B.1"}},
		{"A=1&A2=2", func(p *Params) { p.Int("Size", 0); p.Required("Z"); p.Required("Y") }, Error{Problem: Missing, Param: "Z"}},
	} {
		t.Run(c.form, func(t *testing.T) {
			p, err := Parse([]byte(c.form))
			require.NoError(t, err)
			c.read(p)
			var got *Error
			require.ErrorAs(t, p.Err(), &got)
			require.Equal(t, c.want, *got)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		form string
		want Problem
	}{
		"twice":            {"A=1&A=1", Malformed},
		"value and parent": {"A=1&A.B=1", Malformed},
		"parent and value": {"A.B=1&A=1", Malformed},
		"empty part":       {"A..B=1", Malformed},
		"leading dot":      {".A=1", Malformed},
		"empty name":       {"=1", Malformed},
		"bad escape":       {"A=%zz", Malformed},
		"bad UTF-8":        {"A=%ff", Malformed},
		"deep":             {strings.Repeat("a.", MaxDepth) + "a=1", TooLarge},
		"long":             {strings.Repeat("a", MaxNameLength+1) + "=1", TooLarge},
		"many":             {manyParams(MaxParams + 1), TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.form))
			var got *Error
			require.ErrorAs(t, err, &got)
			require.Equal(t, c.want, got.Problem)
		})
	}
	_, err := Parse([]byte(manyParams(MaxParams)))
	require.NoError(t, err)
	_, err = Parse([]byte("Tags=&Tags.member.1=a&&"))
	require.NoError(t, err, "an empty list beside its elements, and empty pairs")
}

func manyParams(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "A.%d=1&", i)
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "A=1", "A.1.B=2&A.2.B=3", "A=%41&B", "Filter.1.Value.1=%E2%82%AC", "A.99999999999=1", "a=1&a.b=2"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := Parse(body)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		walk(p, 0)
		_ = p.Err()
	})
}

// walk reads every place of the tree by every getter.
func walk(p *Params, depth int) {
	if depth > MaxDepth {
		panic("deeper than MaxDepth")
	}
	for key := range p.node.children {
		p.Int(key, 0)
		p.Bool(key)
		p.Time(key)
		p.Strings(key)
		p.List(key)
		walk(p.Struct(key), depth+1)
	}
	p.CheckUnknown()
}
