// Package awsapi is the AWS front end: one HTTP port that authenticates requests
// (Signature Version 4, package sigv4), routes them by the service of their
// credential scope, decodes the four AWS protocols, calls one operation and encodes
// its answer or its error. It holds no resource and decides no permission; those are
// the business of the packages it calls.
//
// A Service is data: a signing name, a protocol, limits and a table of Operations.
// The subpackages kmsapi, stsapi, iamapi, … each build one. An Operation decodes, makes one
// call and returns the answer's value; see Protocol for what that value is.
//
// # Invariants
//
//   - Nothing of a request reaches an operation before its signature holds over the
//     method, path, query, signed headers and body. Every x-amz-* header is signed.
//   - A body is read only up to the service's cap, and hashed after that.
//   - Every request gets a request id, and every refusal a typed error of the request's protocol.
//   - A request that no service has recorded itself is recorded here, before the answer.
//     If the record fails, the answer is an internal error.
//   - A panic in an operation becomes an internal error, is counted and logged without
//     the request's contents; it never ends the process.
//   - No secret, token, body or signature is logged.
//
// # Limits
//
// limits.go names them all.
package awsapi
