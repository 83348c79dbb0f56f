package ec2

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"a*c", "abc", true}, {"a?c", "abc", true},
		{"a?", "a", false}, {`a\*`, "a*", true}, {`a\*`, "ab", false}, {`a\?c`, "a?c", true}, {`\\`, `\`, true}, {"ä?", "äö", true},
		{"A", "a", false}, {"**a**", "xax", true}, {"*a*b*c", "aabbcc", true}, {"*a*b*c", "aabbccd", false}, {`\`, `\`, false}, {`a\`, "a", false},
	} {
		require.Equal(t, c.want, matches(c.pattern, c.text), "%q %q", c.pattern, c.text)
	}
}

func TestMatchesIsNotExponential(t *testing.T) {
	require.False(t, matches(strings.Repeat("*a", 200)+"b", strings.Repeat("a", 2000)))
}

// FuzzMatches compares with a regular expression.
func FuzzMatches(f *testing.F) {
	f.Add("a*b?c", "aXXbYc")
	f.Add(`\*`, "*")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if strings.Contains(pattern, `\`) || len(pattern) > 50 || len(text) > 200 || !regexpSafe(pattern) || !regexpSafe(text) {
			return
		}
		expr := strings.NewReplacer(`\*`, "(?s:.*)", `\?`, "(?s:.)").Replace(regexp.QuoteMeta(pattern))
		require.Equal(t, regexp.MustCompile("^"+expr+"$").MatchString(text), matches(pattern, text))
	})
}

func regexpSafe(s string) bool { return strings.ToValidUTF8(s, "") == s }

func FuzzCursor(f *testing.F) {
	for _, seed := range []string{"", "0:", "1:snap-1", "9:x", ":", "-1:", "0x1:y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, after, err := parseCursor(text, 3)
		if err != nil {
			require.True(t, HasReason(err, InvalidNextToken))
			return
		}
		require.True(t, n >= 0 && n < 3)
		if text != "" {
			again, rest, err := parseCursor(cursor(n, after), 3)
			require.NoError(t, err)
			require.Equal(t, n, again)
			require.Equal(t, after, rest)
		}
	})
}

func TestIDs(t *testing.T) {
	for id, want := range map[string]bool{
		"vol-0123456789abcdef0": true, "vol-01234567": true, "vol-0123456789abcdef": false, "vol-0123456789ABCDEF0": false,
		"vol-": false, "snap-0123456789abcdef0": false, "vol-0123456789abcdef0/": false, "vol-../../x": false,
	} {
		require.Equal(t, want, wellFormed(id, volumePrefix), id)
	}
	for _, k := range kinds() {
		require.NoError(t, k.check(k.prefix+"0123456789abcdef0"))
		require.Error(t, k.check(k.prefix+"x"))
		got, ok := kindOf(k.prefix + "0123456789abcdef0")
		require.True(t, ok)
		require.Equal(t, k, got)
	}
}

func TestZones(t *testing.T) {
	require.Equal(t, Zone{"ap-southeast-2b", "apse2-az2", "ap-southeast-2"}, Zones("ap-southeast-2")[1])
	require.Equal(t, "use1-az1", Zones("us-east-1")[0].ID)
	require.True(t, KnownRegion("us-east-1"))
	require.False(t, KnownRegion("us-east-9"))
	_, err := findZone("us-east-1", "us-east-1a", "use1-az2")
	require.True(t, HasReason(err, InvalidZone))
}
