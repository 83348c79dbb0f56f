// Package sigv4 verifies AWS Signature Version 4 on requests, signed in the
// Authorization header or in the query string. It looks up no key and reads no body:
// the caller parses, finds the secret of the access key, hashes the body, verifies.
//
//	auth, err := sigv4.Parse(r)
//	err = auth.CheckScope(…); err = auth.CheckTime(now)
//	err = auth.Verify(r, secret, payloadHash)
//
// # What is signed
//
// The string to sign is the algorithm, the request's time, the credential scope and the
// SHA-256 of the canonical request:
//
//	method \n canonical path \n canonical query \n name:value\n of each signed header \n
//	signed header names \n payload hash
//
// The path is normalised (dot segments and doubled slashes removed) and encoded once more
// than it came, the query is decoded, encoded by RFC 3986 and sorted, header values are
// trimmed and inner runs of spaces made one. The signature is HMAC-SHA256 under a key
// derived from the secret through date, Region, service and "aws4_request".
// (AWS IAM User Guide, "Create a signed AWS API request".)
//
// # Invariants
//
//   - Host and every x-amz-* header of the request is among the signed headers. AWS asks for
//     the same; without it a signature could be replayed with another X-Amz-Target.
//   - The payload hash is always of the body that came, or UNSIGNED-PAYLOAD where the caller
//     admits that; what x-amz-content-sha256 claims never enters by itself.
//   - The comparison of signatures takes constant time.
//   - Not supported, and refused: SigV4A, STREAMING-* payloads, the S3 dialect (single encoding of paths).
package sigv4
