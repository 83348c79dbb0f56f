package strictjson

// Kind is the kind of a Value.
type Kind uint8

// The kinds of JSON values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Value is a JSON value.
type Value struct {
	Kind    Kind
	Text    string  // String: unescaped; Number, Bool: as written
	Items   []Value // Array
	Members []Member
}

// Member is a member of an Object. Members keep the order of the text.
type Member struct {
	Name  string
	Value Value
}

// Get returns the member of that exact name, nil if there is none.
func (v *Value) Get(name string) *Value {
	for i := range v.Members {
		if v.Members[i].Name == name {
			return &v.Members[i].Value
		}
	}
	return nil
}

// SyntaxError says why a text was refused. It never quotes the text.
type SyntaxError struct {
	Offset int
	Reason string
}

func (e *SyntaxError) Error() string { return "strictjson: " + e.Reason }
