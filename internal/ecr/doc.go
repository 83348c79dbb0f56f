// Package ecr is the registry of container images: repositories with their settings and
// policies, and their contents, layers and manifests, sealed in a blob.Store. It knows no HTTP:
// awsapi/ecrapi speaks AWS's API over it and awsapi/ociapi the OCI distribution protocol.
//
// # Invariants
//
//   - Every method that takes a caller asks the caller's policies and the repository's (iam.Evaluate) first; a caller
//     who may not do something learns nothing of whether the repository exists.
//   - A repository's encryption is fixed when it is made. Nothing of its contents is ever on disk in clear; the
//     catalogue (digests, sizes, tags, references, annotations of referrers) is sealed by the metadata store.
//   - A repository under a KMS key has two grants on it, made as its creator; the grantee is the repository itself,
//     arn:aws:ecr:REGION:ACCOUNT:repository/NAME, under the constraint that the context holds aws:ecr:arn. It uses the key
//     while both are there. (KMS takes principals of 256 characters at most, and so names of some 210.) A push is one GenerateDataKey per layer and manifest, a pull one Decrypt, each with exactly
//     aws:s3:arn and aws:ecr:arn (the digest by SHA-256, whatever the layer is found by); nothing that a key guards is kept open between requests, so that a disabled key or a
//     revoked grant cuts both at once. A deletion retires both grants as the deleter.
//   - Content is never shared: a layer in two repositories is sealed twice, under keys drawn apart; a mount opens it and
//     seals it anew, inside one account, if the caller may read the one and write the other. With KMS_DSSE it is
//     sealed under two keys drawn apart, one guarded by the KMS key and one by the store's own; neither alone opens it.
//   - A digest is verified before anything is found by it. A manifest comes in only while what it refers to is there
//     (its subject excepted), and a layer goes only while no manifest refers to it; both happen under the repository's lock.
//   - Records come before what they find and go after their name is free: recover.go and collect.go finish the rest.
//
// # Content
//
// An upload is a sequence of segments, one per request that brought bytes. Each is an object of its own in the
// blob store, sealed by one run of one stream writer with a salt of its own (see aead, "Stream"): a range that is sent
// again is sealed under another key. seal.go says how a segment looks, objectkeys.go how the keys are kept. The streams
// are bound to their layer of sealing and their object's name, so that no segment stands for another. Sizes are in the
// record: a truncated object is found before its first byte is given out. Memory is bounded by a few stream chunks per request.
//
// # Records
//
// JSON in the metadata store; schema.go has the keys, limits.go every limit.
//
// # Threat model
//
// Who holds the directory without the root key sees names, counts and sizes of sealed objects. Who holds the root key opens what the
// store's own key guards, which are AES256 repositories and unfinished uploads, and whatever KMS keys still exist.
// Deleting a KMS key's material takes what it guards away from everybody. A replay of single old records is not found (see internal/meta).
package ecr
