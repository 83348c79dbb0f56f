// Package shape decodes the input of an AWS operation into a Go struct and validates
// it against the constraints of the service's model, with the messages that AWS gives.
// The struct's tags are the table:
//
//	type input struct {
//		KeyId       string   `api:"KeyId,required" len:"1..2048"`
//		Plaintext   []byte   `api:"Plaintext,required,sensitive" len:"1..4096"`
//		Limit       *int     `api:"Limit" range:"1..1000"`
//		Spec        string   `api:"KeySpec" enum:"AES_256|AES_128"`
//		Name        string   `api:"Name" len:"1..256" pattern:"^[a-zA-Z0-9:/_-]+$"`
//		GrantTokens []string `api:"GrantTokens,sensitive" len:"0..10" elem_len:"1..8192"`
//		Tags        []tag    `api:"Tags"`
//	}
//
// api names the member; required members must be given (and not null); the value of a
// sensitive one is never shown. len bounds characters of strings (UTF-16 units, as Java counts),
// bytes of blobs, elements of lists and pairs of maps; elem_len, elem_pattern and elem_enum are for the strings of a list.
// in names the word between a list and its index in the Query protocol (default member).
//
// Fields of embedded structs, and of fields tagged `api:",inline"`, count as the outer struct's. Patterns are written as in the models (Java's syntax).
//
// Field types: string, bool, int, []byte (base64), time.Time (epoch seconds; ISO 8601 in forms),
// map[string]string, []string, a struct, a slice of structs, and pointers to string,
// bool, int and struct where absence matters.
//
// A value of another JSON type than its member's, and a member whose name differs from one
// of the shape only by case, are a TypeError; AWS ignores other unknown members, and so do we.
// Constraint failures are collected into one ValidationError in the order of the fields.
package shape
