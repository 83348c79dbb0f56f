// Package kmsapi is the AWS KMS API over package kms: each operation decodes and
// validates its input by the model's constraints, makes one call and encodes the
// answer. It decides nothing: states, policies, grants and limits are the business of kms,
// which also records its calls.
//
// The input structs are the constraint table. Their members, bounds, patterns and enums are those of
// the service's model (kms 2014-11-01), in its order; a test compares them with botocore's copy.
package kmsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/kms"
)

// maxBody is above the largest valid request: a policy of 131,072 characters, escaped.
const maxBody = 1 << 20

// api holds what the operations call.
type api struct{ kms *kms.KMS }

// New returns the service over k.
func New(k *kms.KMS) *awsapi.Service {
	a := &api{k}
	operations := map[string]awsapi.Operation{}
	for _, group := range []map[string]awsapi.Operation{
		a.keys(), a.aliases(), a.policies(), a.tags(), a.cryptography(), a.grants(), a.rotation(), a.importing(), a.macs(), a.keyPairs(), a.usage(),
	} {
		for name, op := range group {
			operations[name] = awsapi.Recorded(op)
		}
	}
	for _, name := range outOfScope {
		operations[name] = unsupported(name)
	}
	return &awsapi.Service{
		Name: "kms", Protocol: awsapi.JSON, TargetPrefix: "TrentService", MaxBody: maxBody,
		InternalCode: "KMSInternalException", Operations: operations, Errors: wireError,
	}
}

// outOfScope are the operations of AWS KMS on asymmetric keys, multi-Region keys and
// custom key stores, none of which exist here.
var outOfScope = []string{
	"Sign", "Verify", "GetPublicKey", "DeriveSharedSecret", "ReplicateKey", "UpdatePrimaryRegion",
	"CreateCustomKeyStore", "UpdateCustomKeyStore", "DeleteCustomKeyStore", "DescribeCustomKeyStores",
	"ConnectCustomKeyStore", "DisconnectCustomKeyStore",
}

func unsupported(name string) awsapi.Operation {
	return awsapi.Operation{Call: func(context.Context, *awsapi.Request, any) (any, error) {
		return nil, awsapi.Errorf("UnsupportedOperationException", "%s is not supported by this key store.", name)
	}}
}

// read and write build operations; write marks those that change something.
func read[In any](call func(context.Context, *awsapi.Request, *In) (any, error)) awsapi.Operation {
	return awsapi.ReadOnly(awsapi.Op(call))
}

func write[In any](call func(context.Context, *awsapi.Request, *In) (any, error)) awsapi.Operation {
	return awsapi.Op(call)
}
