// Package ociapi serves the OCI distribution protocol on /v2/ (distribution-spec 1.1: pull, push, content discovery and
// content management, without deletion of layers that an image has) over the repositories of internal/ecr. It decides nothing
// about them: it authenticates, decodes, makes the call, records the event and encodes.
//
// The protocol is written from the specification's text. The small library for it, cuelabs.dev/go/oci/ociregistry
// (ociserver of 2025-07-22), was judged first and misses MUSTs that cannot be added from outside: a tag list with n=0 must be
// empty, an upload's location must contain a UUID, a manifest may be pushed by a SHA-512 digest, a first chunk that comes
// again is out of order (it takes it for a body without range), error codes are of a closed list; and a list of
// referrers cannot go on in a second page.
//
// # Authentication
//
// Basic, user AWS, the password being the sealed token of GetAuthorizationToken (Tokens). It says whose access key got it:
// the key and its policies are looked up anew for every request, so that a deleted key or a changed policy counts at once.
// The registry (an account) and the Region are those of a host name ACCOUNT.dkr.ecr.REGION.…, else the token's.
// Two ways are derived from SigV4. A request may be signed itself, with the service ecr, in a header or in the
// query; its registry is the caller's account. And GetDownloadUrlForLayer's URL carries a token of its own, which
// reads the one layer, for an hour.
//
// # Invariants
//
//   - Every request is recorded in the audit trail, under the name of the ECR operation it amounts to (end-1: CheckAuthorization), before it is answered.
//   - Content is answered only after its keys were opened and its objects found whole; what fails later ends the connection,
//     so that no client takes it for the end.
//   - Bodies are streamed: a connection that stands still for ioTimeout ends, one that moves does not.
package ociapi
