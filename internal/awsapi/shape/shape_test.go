package shape

import (
	"errors"
	"strings"
	"testing"
	"time"

	"coffer.example/internal/awsapi/query"
	"coffer.example/internal/awsapi/strictjson"
	"github.com/stretchr/testify/require"
)

type tag struct {
	Key   string `api:"TagKey,required" len:"1..128"`
	Value string `api:"TagValue,required" len:"0..256"`
}

type inner struct {
	Subset map[string]string `api:"EncryptionContextSubset" len:"0..2"`
	Equals map[string]string `api:"EncryptionContextEquals"`
}

type input struct {
	KeyId       string    `api:"KeyId,required" len:"1..10"`
	Plaintext   []byte    `api:"Plaintext" len:"1..4"`
	Spec        string    `api:"KeySpec" enum:"AES_256|AES_128"`
	Name        *string   `api:"Name" len:"1..5" pattern:"^[a-zA-Z0-9:/_-]+$"`
	Limit       *int      `api:"Limit" range:"1..1000"`
	DryRun      bool      `api:"DryRun"`
	Switch      *bool     `api:"Switch"`
	ValidTo     time.Time `api:"ValidTo"`
	Constraints *inner    `api:"Constraints"`
	Operations  []string  `api:"Operations" len:"0..2" elem_enum:"Decrypt|Encrypt"`
	GrantTokens []string  `api:"GrantTokens,sensitive" len:"0..2" elem_len:"1..4"`
	Tags        []tag     `api:"Tags" len:"0..2"`
}

func decode(t *testing.T, text string) (input, error) {
	v, err := strictjson.Parse([]byte(text))
	require.NoError(t, err)
	var in input
	err = Of[input]().Decode(v, &in)
	return in, err
}

func ptr[T any](v T) *T { return &v }

var whole = input{
	KeyId: "k", Plaintext: []byte("abcd"), Spec: "AES_128", Name: ptr("n"), Limit: ptr(7), DryRun: true, Switch: ptr(false),
	ValidTo:     time.Unix(1700000000, 250_000_000).UTC(),
	Constraints: &inner{Subset: map[string]string{"a": "b", "": "é"}},
	Operations:  []string{"Encrypt", "Decrypt"}, GrantTokens: []string{"x"},
	Tags: []tag{{"k", ""}, {"l", "v"}},
}

func TestDecode(t *testing.T) {
	in, err := decode(t, `{"KeyId":"k","Plaintext":"YWJjZA==","KeySpec":"AES_128","Name":"n","Limit":7,"DryRun":true,"Switch":false,
		"ValidTo":1700000000.25,"Constraints":{"EncryptionContextSubset":{"a":"b","":"é"}},"Operations":["Encrypt","Decrypt"],
		"GrantTokens":["x"],"Tags":[{"TagKey":"k","TagValue":""},{"TagKey":"l","TagValue":"v"}],"Unknown":{"keyid":1}}`)
	require.NoError(t, err)
	require.Equal(t, whole, in)

	in, err = decode(t, `{"KeyId":"k","Name":null,"Tags":null,"Limit":1e2}`)
	require.NoError(t, err)
	require.Equal(t, input{KeyId: "k", Limit: ptr(100)}, in)
}

func TestDecodeForm(t *testing.T) {
	p, err := query.Parse([]byte("KeyId=k&Plaintext=YWJjZA%3D%3D&KeySpec=AES_128&Name=n&Limit=7&DryRun=true&Switch=false" +
		"&ValidTo=2023-11-14T22%3A13%3A20.25Z&Constraints.EncryptionContextSubset.entry.1.key=a&Constraints.EncryptionContextSubset.entry.1.value=b" +
		"&Constraints.EncryptionContextSubset.entry.2.key=&Constraints.EncryptionContextSubset.entry.2.value=%C3%A9" +
		"&Operations.member.1=Encrypt&Operations.member.2=Decrypt&GrantTokens.member.1=x" +
		"&Tags.member.1.TagKey=k&Tags.member.1.TagValue=&Tags.member.2.TagKey=l&Tags.member.2.TagValue=v"))
	require.NoError(t, err)
	var in input
	require.NoError(t, Of[input]().DecodeForm(p, &in))
	require.Equal(t, whole, in)

	for form, want := range map[string]string{
		"Limit=x":             "query: value \"x\" of parameter Limit is invalid: Expected an integer.",
		"Operations.member.1": "2 validation errors detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null; Value '[]' at 'operations' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [Decrypt, Encrypt]]",
		"KeyId=k&Constraints.EncryptionContextEquals.entry.1.key=a&Constraints.EncryptionContextEquals.entry.2.key=a": "query: value \"a\" of parameter Constraints.EncryptionContextEquals.entry.2.key is invalid: The key is given twice.",
	} {
		p, err := query.Parse([]byte(form))
		require.NoError(t, err)
		var in input
		err = Of[input]().DecodeForm(p, &in)
		var invalid *ValidationError
		if errors.As(err, &invalid) {
			require.Equal(t, want, invalid.Message())
		} else {
			require.EqualError(t, err, want)
		}
	}
}

func TestTypeErrors(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                          "Start of list found where not expected",
		`"x"`:                         "STRING_VALUE can not be converted to Structure",
		`{"KeyId":1}`:                 "NUMBER_VALUE can not be converted to String",
		`{"KeyId":true}`:              "TRUE_VALUE can not be converted to String",
		`{"KeyId":{}}`:                "Start of structure or map found where not expected.",
		`{"KeyId":[]}`:                "Start of list found where not expected",
		`{"Limit":"1"}`:               "STRING_VALUE can not be converted to Integer",
		`{"Limit":1.5}`:               "NUMBER_VALUE can not be converted to Integer",
		`{"Limit":2147483648}`:        "NUMBER_VALUE can not be converted to Integer",
		`{"Limit":1e999999}`:          "NUMBER_VALUE can not be converted to Integer",
		`{"Limit":1e19}`:              "NUMBER_VALUE can not be converted to Integer",
		`{"DryRun":"true"}`:           "STRING_VALUE can not be converted to Boolean",
		`{"DryRun":0}`:                "NUMBER_VALUE can not be converted to Boolean",
		`{"Plaintext":"a"}`:           "STRING_VALUE can not be converted to Blob",
		`{"Plaintext":"YWJj\\nZA=="}`: "STRING_VALUE can not be converted to Blob",
		`{"Plaintext":"YWJjZB=="}`:    "STRING_VALUE can not be converted to Blob",
		`{"ValidTo":"2023-11-14"}`:    "STRING_VALUE can not be converted to Timestamp",
		`{"ValidTo":-1}`:              "NUMBER_VALUE can not be converted to Timestamp",
		`{"ValidTo":1e300}`:           "NUMBER_VALUE can not be converted to Timestamp",
		`{"Tags":{}}`:                 "Start of structure or map found where not expected.",
		`{"Tags":["x"]}`:              "STRING_VALUE can not be converted to Structure",
		`{"GrantTokens":"x"}`:         "STRING_VALUE can not be converted to List",
		`{"GrantTokens":[null]}`:      "NULL_VALUE can not be converted to String",
		`{"GrantTokens":[["x"]]}`:     "Start of list found where not expected",
		`{"Constraints":{"EncryptionContextEquals":{"a":1}}}`:   "NUMBER_VALUE can not be converted to String",
		`{"Constraints":{"encryptionContextEquals":{"a":"b"}}}`: "Unexpected member: the name of EncryptionContextEquals is case-sensitive",
		`{"keyId":"k"}`:             "Unexpected member: the name of KeyId is case-sensitive",
		`{"KeyId":"k","KEYID":"l"}`: "Unexpected member: the name of KeyId is case-sensitive",
		`{"Tags":[{"tagkey":"x"}]}`: "Unexpected member: the name of TagKey is case-sensitive",
	} {
		_, err := decode(t, text)
		var wrong *TypeError
		require.ErrorAs(t, err, &wrong, text)
		require.Equal(t, want, wrong.Message, text)
	}
}

func TestViolations(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                   "Value null at 'keyId' failed to satisfy constraint: Member must not be null",
		`{"KeyId":null}`:                       "Value null at 'keyId' failed to satisfy constraint: Member must not be null",
		`{"KeyId":""}`:                         "Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1",
		`{"KeyId":"12345678901"}`:              "Value '12345678901' at 'keyId' failed to satisfy constraint: Member must have length less than or equal to 10",
		`{"KeyId":"123456789😀"}`:               "Value '123456789😀' at 'keyId' failed to satisfy constraint: Member must have length less than or equal to 10",
		`{"KeyId":"k","Limit":0}`:              "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
		`{"KeyId":"k","Limit":1001}`:           "Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000",
		`{"KeyId":"k","Plaintext":""}`:         "Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1",
		`{"KeyId":"k","Plaintext":"YWJjZGU="}`: "Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4",
		`{"KeyId":"k","KeySpec":"DES"}`:        "Value 'DES' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]",
		`{"KeyId":"k","Name":"a b"}`:           "Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
		`{"KeyId":"k","Name":"a\n"}`:           "Value 'a\n' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
		`{"KeyId":"k","Name":""}`: "Value '' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$; " +
			"Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1",
		`{"KeyId":"k","Operations":["Encrypt","X"]}`: "Value '[Encrypt, X]' at 'operations' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [Decrypt, Encrypt]]",
		`{"KeyId":"k","GrantTokens":["toolong"]}`:    "Value at 'grantTokens' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 4, Member must have length greater than or equal to 1]",
		`{"KeyId":"k","GrantTokens":["a","b","c"]}`:  "Value at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 2",
		`{"KeyId":"k","Tags":[{"TagKey":"a","TagValue":"b"},{"TagKey":""}]}`: "Value '' at 'tags.2.member.tagKey' failed to satisfy constraint: Member must have length greater than or equal to 1; " +
			"Value null at 'tags.2.member.tagValue' failed to satisfy constraint: Member must not be null",
		`{"KeyId":"k","Constraints":{"EncryptionContextSubset":{"a":"b","c":"d","e":"f"}}}`: "Value '{a=b, c=d, e=f}' at 'constraints.encryptionContextSubset' failed to satisfy constraint: Member must have length less than or equal to 2",
		`{"Limit":0,"KeySpec":"X"}`: "Value null at 'keyId' failed to satisfy constraint: Member must not be null; " +
			"Value 'X' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]; " +
			"Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
	} {
		_, err := decode(t, text)
		var invalid *ValidationError
		require.ErrorAs(t, err, &invalid, text)
		require.Equal(t, want, strings.Join(invalid.Violations, "; "), text)
	}
	_, err := decode(t, `{"Limit":0}`)
	require.EqualError(t, err, "shape: 2 validation errors detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null; "+
		"Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
}

func TestOfRefuses(t *testing.T) {
	require.Panics(t, func() { Of[string]() })
	require.Panics(t, func() { Of[struct{ A string }]() })
	require.Panics(t, func() {
		Of[struct {
			A float64 `api:"A"`
		}]()
	})
	require.Panics(t, func() {
		Of[struct {
			A string `api:"A,optional"`
		}]()
	})
	require.Panics(t, func() {
		Of[struct {
			A string `api:"A" len:"2..1"`
		}]()
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"KeyId":"k","Limit":1e5,"ValidTo":1.5e9,"Tags":[{"TagKey":"a"}]}`))
	f.Add([]byte(`{"Constraints":{"EncryptionContextEquals":{"a":"b"}},"Plaintext":"AA=="}`))
	s := Of[input]()
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := strictjson.Parse(text)
		if err != nil {
			return
		}
		var in input
		err = s.Decode(v, &in)
		var wrong *TypeError
		var invalid *ValidationError
		if err != nil && !errors.As(err, &wrong) && !errors.As(err, &invalid) {
			t.Fatalf("untyped error %v", err)
		}
	})
}
