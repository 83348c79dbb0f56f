package aead

// Every derivation label of coffer, so that no two purposes share a key. A label
// appears once and never changes its meaning.
const (
	labelSession        = "coffer/v1/session"
	labelIndex          = "coffer/v1/index"
	labelHeader         = "coffer/v1/header"
	labelView           = "coffer/v1/view"
	labelAnchor         = "coffer/v1/anchor"
	labelCommitment     = "coffer/v1/commitment"
	labelWrapXAES       = "coffer/v1/wrap/xaes"
	labelWrapXChaCha    = "coffer/v1/wrap/xchacha"
	labelWrapCommitment = "coffer/v1/wrap/commitment"
	labelStream         = "coffer/v1/stream"
	labelRecordXAES     = "coffer/v1/record/xaes"
	labelRecordXChaCha  = "coffer/v1/record/xchacha"

	// LabelMetadata derives the record key of the metadata store from the root key.
	LabelMetadata = "coffer/v1/metadata"
	// LabelMaterial derives the key that wraps key material from the root key.
	LabelMaterial = "coffer/v1/material"
	// LabelToken derives the key that seals grant, page, block and session tokens.
	LabelToken = "coffer/v1/token"
	// LabelAudit derives the key of the audit chain.
	LabelAudit = "coffer/v1/audit"
	// LabelSuperblock derives the superblock's MAC key from the store key.
	LabelSuperblock = "coffer/v1/superblock"
	// LabelStoreWrap derives the key that wraps the data keys of plain volumes from the store key.
	LabelStoreWrap = "coffer/v1/store-wrap"
)
