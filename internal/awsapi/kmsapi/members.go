package kmsapi

import (
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

// keyInput is the input that names a key and nothing else; others embed it.
type keyInput struct {
	KeyID string `api:"KeyId,required" len:"1..2048"`
}

func (in *keyInput) input() kms.KeyInput { return kms.KeyInput{KeyID: in.KeyID} }

type grantTokens struct {
	GrantTokens []string `api:"GrantTokens,sensitive" len:"0..10" elem_len:"1..8192"`
}

type dryRun struct {
	DryRun bool `api:"DryRun"`
}

type page struct {
	Limit  *int   `api:"Limit" range:"1..1000"`
	Marker string `api:"Marker,sensitive" len:"1..1024" pattern:"[\\u0020-\\u00FF]*"`
}

func (p *page) input() kms.Page { return kms.Page{Limit: p.Limit, Marker: p.Marker} }

// next is the end of every list.
type next struct {
	NextMarker string `json:"NextMarker,omitempty"`
	Truncated  bool   `json:"Truncated"`
}

func nextOf(n kms.Next) next { return next{NextMarker: n.Marker, Truncated: n.Truncated} }

// recipient is a Nitro enclave's attestation, which no operation here supports.
type recipient struct {
	KeyEncryptionAlgorithm string `api:"KeyEncryptionAlgorithm" enum:"RSAES_OAEP_SHA_256"`
	AttestationDocument    []byte `api:"AttestationDocument" len:"1..262144"`
}

// seconds is a time as JSON 1.1 has it; nil for the zero time, which omitempty leaves out.
func seconds(t time.Time) *awsapi.Seconds {
	if t.IsZero() {
		return nil
	}
	s := awsapi.Seconds(t)
	return &s
}
