package kms

// Values of KeyUsage, KeySpec, Origin and KeyManager.
const (
	usageEncrypt  = "ENCRYPT_DECRYPT"
	usageMAC      = "GENERATE_VERIFY_MAC"
	specSymmetric = "SYMMETRIC_DEFAULT"

	originKMS      = "AWS_KMS"
	originExternal = "EXTERNAL"

	managerCustomer = "CUSTOMER"
	managerAWS      = "AWS"

	algorithmSymmetric = "SYMMETRIC_DEFAULT"
)

// macSpec is an HMAC key spec: the size of its material and its one algorithm.
type macSpec struct {
	spec, algorithm string
	sizeBytes       int
}

// macSpecs are the HMAC key specs, smallest first; AWS makes the material as long as the hash.
func macSpecs() []macSpec {
	return []macSpec{
		{"HMAC_224", "HMAC_SHA_224", 28},
		{"HMAC_256", "HMAC_SHA_256", 32},
		{"HMAC_384", "HMAC_SHA_384", 48},
		{"HMAC_512", "HMAC_SHA_512", 64},
	}
}

func findMACSpec(spec string) (macSpec, bool) {
	for _, m := range macSpecs() {
		if m.spec == spec {
			return m, true
		}
	}
	return macSpec{}, false
}

// materialSize is the size of a key spec's material in bytes.
func materialSize(spec string) int {
	if m, ok := findMACSpec(spec); ok {
		return m.sizeBytes
	}
	return 32
}
