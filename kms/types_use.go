package kms

import (
	"time"
)

// GenerateDataKeyInput asks for a data key: exactly one of KeySpec and NumberOfBytes.
type GenerateDataKeyInput struct {
	KeyID             string
	EncryptionContext map[string]string
	KeySpec           string // AES_256, AES_128
	NumberOfBytes     *int
	GrantTokens       []string
	DryRun            bool
}

// GenerateDataKeyOutput is a data key in clear (unless it was asked without) and wrapped.
type GenerateDataKeyOutput struct {
	Plaintext      []byte
	CiphertextBlob []byte
	KeyARN         string
	KeyMaterialID  string
}

// EncryptInput asks to wrap up to 4096 bytes.
type EncryptInput struct {
	KeyID               string
	Plaintext           []byte
	EncryptionContext   map[string]string
	EncryptionAlgorithm string // SYMMETRIC_DEFAULT or empty
	GrantTokens         []string
	DryRun              bool
}

// EncryptOutput is a wrapped plaintext.
type EncryptOutput struct {
	CiphertextBlob      []byte
	KeyARN              string
	EncryptionAlgorithm string
}

// DecryptInput asks to unwrap; KeyID is optional and, if given, must be the blob's key.
type DecryptInput struct {
	CiphertextBlob      []byte
	KeyID               string
	EncryptionContext   map[string]string
	EncryptionAlgorithm string
	GrantTokens         []string
	DryRun              bool
	DryRunModifiers     []string // IGNORE_CIPHERTEXT: with DryRun and KeyID, no blob is needed
	Recipient           bool     // a Nitro recipient was given: unsupported
}

// DecryptOutput is what a blob held.
type DecryptOutput struct {
	Plaintext           []byte
	KeyARN              string
	KeyMaterialID       string
	EncryptionAlgorithm string
}

// ReEncryptInput asks to wrap what a blob holds under another key or context.
type ReEncryptInput struct {
	CiphertextBlob                                            []byte
	SourceKeyID, DestinationKeyID                             string
	SourceEncryptionContext, DestinationEncryptionContext     map[string]string
	SourceEncryptionAlgorithm, DestinationEncryptionAlgorithm string
	GrantTokens                                               []string
	DryRun                                                    bool
	DryRunModifiers                                           []string
}

// ReEncryptOutput is the new blob.
type ReEncryptOutput struct {
	CiphertextBlob                                            []byte
	SourceKeyARN, KeyARN                                      string
	SourceKeyMaterialID, DestinationKeyMaterialID             string
	SourceEncryptionAlgorithm, DestinationEncryptionAlgorithm string
}

// GenerateRandomInput asks for 1 to 1024 random bytes.
type GenerateRandomInput struct {
	NumberOfBytes    *int
	CustomKeyStoreID string
	Recipient        bool
}

// GenerateRandomOutput is random bytes.
type GenerateRandomOutput struct{ Plaintext []byte }

// MacInput asks for the MAC of a message of up to 4096 bytes.
type MacInput struct {
	KeyID        string
	Message      []byte
	MacAlgorithm string // HMAC_SHA_224, HMAC_SHA_256, HMAC_SHA_384, HMAC_SHA_512
	GrantTokens  []string
	DryRun       bool
}

// MacOutput is a MAC.
type MacOutput struct {
	Mac                  []byte
	KeyARN, MacAlgorithm string
}

// VerifyMacInput asks whether Mac is the MAC of a message.
type VerifyMacInput struct {
	MacInput
	Mac []byte
}

// VerifyMacOutput says that it is.
type VerifyMacOutput struct {
	KeyARN, MacAlgorithm string
	MacValid             bool
}

// GenerateDataKeyPairInput asks for an RSA or ECC key pair.
type GenerateDataKeyPairInput struct {
	KeyID             string
	EncryptionContext map[string]string
	KeyPairSpec       string
	GrantTokens       []string
	DryRun            bool
	Recipient         bool
}

// GenerateDataKeyPairOutput is a key pair in DER: PKCS #8 and SubjectPublicKeyInfo.
type GenerateDataKeyPairOutput struct {
	PrivateKeyPlaintext, PrivateKeyCiphertextBlob, PublicKey []byte
	KeyARN, KeyPairSpec, KeyMaterialID                       string
}

// KeyLastUsage is the last successful cryptographic operation with a key; Operation is empty if there was none.
type KeyLastUsage struct {
	KeyID                  string
	Created, TrackingStart time.Time
	Operation              string
	Time                   time.Time
	EventID, RequestID     string
}
