package shape

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"coffer.example/internal/awsapi/strictjson"
)

// violations are texts "Value … at … failed to satisfy constraint: …".
type violations []string

func (b *violations) missing(path string) {
	*b = append(*b, "Value null at '"+path+"' failed to satisfy constraint: Member must not be null")
}

// check checks the constraints of a member that was given. Like AWS it reports the
// pattern before the length.
func (f *field) check(v *strictjson.Value, decoded reflect.Value, path string, bad *violations) {
	var failed []string
	switch f.kind {
	case kindString:
		failed = f.rules.text(v.Text)
	case kindInt:
		failed = f.rules.bounds(decoded.Int(), "value")
	case kindBlob, kindMap, kindStructs:
		failed = f.rules.bounds(int64(decoded.Len()), "length")
	case kindStrings:
		failed = f.rules.bounds(int64(decoded.Len()), "length")
		for i := range v.Items {
			if of := f.elem.text(v.Items[i].Text); of != nil {
				failed = append(failed, "Member must satisfy constraint: ["+strings.Join(f.elem.all(), ", ")+"]")
				break
			}
		}
	}
	if failed == nil {
		return
	}
	shown := "Value"
	if !f.sensitive && f.kind != kindBlob {
		shown = "Value '" + show(v) + "'"
	}
	for _, constraint := range failed {
		*bad = append(*bad, shown+" at '"+path+"' failed to satisfy constraint: "+constraint)
	}
}

// text returns the constraints that a string fails.
func (r *rules) text(s string) []string {
	var failed []string
	if r.matches != nil && !r.matches.MatchString(s) {
		failed = append(failed, "Member must satisfy regular expression pattern: "+r.pattern)
	}
	failed = append(failed, r.bounds(utf16Length(s), "length")...)
	if r.enum != nil && !slices.Contains(r.enum, s) {
		failed = append(failed, r.enumText())
	}
	return failed
}

func (r *rules) bounds(n int64, what string) []string {
	switch {
	case !r.bounded:
	case n < r.min:
		return []string{fmt.Sprintf("Member must have %s greater than or equal to %d", what, r.min)}
	case n > r.max:
		return []string{fmt.Sprintf("Member must have %s less than or equal to %d", what, r.max)}
	}
	return nil
}

// all returns every constraint, as AWS lists them for the elements of a list.
func (r *rules) all() []string {
	var out []string
	if r.bounded {
		out = append(out, fmt.Sprintf("Member must have length less than or equal to %d", r.max),
			fmt.Sprintf("Member must have length greater than or equal to %d", r.min))
	}
	if r.matches != nil {
		out = append(out, "Member must satisfy regular expression pattern: "+r.pattern)
	}
	if r.enum != nil {
		out = append(out, r.enumText())
	}
	return out
}

func (r *rules) enumText() string {
	return "Member must satisfy enum value set: [" + strings.Join(r.enum, ", ") + "]"
}

// utf16Length counts as Java's String.length does.
func utf16Length(s string) int64 {
	n := int64(0)
	for _, c := range s {
		n++
		if c >= 0x10000 {
			n++
		}
	}
	return n
}

// show renders a value as AWS's messages do.
func show(v *strictjson.Value) string {
	switch v.Kind {
	case strictjson.Array:
		items := make([]string, len(v.Items))
		for i := range v.Items {
			items[i] = show(&v.Items[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	case strictjson.Object:
		members := make([]string, len(v.Members))
		for i := range v.Members {
			members[i] = v.Members[i].Name + "=" + show(&v.Members[i].Value)
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	return v.Text
}
