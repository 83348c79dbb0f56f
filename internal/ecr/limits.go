package ecr

import "time"

// Limits. Those of AWS are from the ECR user guide's quotas.
const (
	// MaxManifestSize is the largest manifest, in bytes (AWS).
	MaxManifestSize = 4 << 20
	// MaxLayerSize is the largest layer, in bytes (AWS: 52,000 MiB).
	MaxLayerSize = 52_000 << 20
	// MinPartSize is the least size of a part of a layer but the last, in the part-wise API (AWS: 5 MiB).
	MinPartSize = 5 << 20
	// PartSize is what that API proposes; MaxPartSize is the most (AWS: 20 MiB).
	PartSize    = 10 << 20
	MaxPartSize = 20 << 20

	minRepositoryName    = 2
	maxRepositoryName    = 256
	maxRepositories      = 100_000 // per account and Region (AWS)
	maxImages            = 100_000 // per repository (AWS)
	maxTagsPerImage      = 1_000   // (AWS)
	maxResourceTags      = 50      // (AWS)
	maxTagKey            = 128     // (AWS)
	maxTagValue          = 256     // (AWS)
	maxPolicySize        = 10_240  // (AWS)
	maxExclusionFilters  = 5       // (AWS)
	maxUploadsPerRepo    = 1_000
	maxImageTagSize      = 128 // OCI distribution-spec, "Pulling manifests"
	maxDescriptors       = 1_000
	maxRecordAnnotations = 128 << 10 // of a metadata record, of 256 KiB at most; larger ones stay in the manifest
	maxAnonymousMount    = 1_000     // repositories in which a layer is looked for
	MaxPushTags          = 10        // that come with one manifest; each is four of the 100 operations of a commit
	maxSegments          = 4_096     // of about 50 bytes in a metadata record
	maxReferrersPage     = 100
	maxReferrersBytes    = 2 << 20
	maxBatch             = 40 // records that one commit changes; each may need two operations
	commitAttempts       = 8
	policyCacheBytes     = 4 << 20
	uploadIdle           = 24 * time.Hour // an upload that nobody continues is forgotten
	layerGrace           = 24 * time.Hour // a layer that no image has (yet) lives as long
	defaultMaintainEvery = time.Hour
)
