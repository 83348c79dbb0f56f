package kms

import "context"

// KeyReport is what the KMS itself knows of a key's use.
type KeyReport struct {
	KeyMetadata
	Aliases []string
	Last    KeyLastUsage // its Operation is empty if the key was never used
}

// Report describes a key and hands each of its grants to grant. Like Explain it asks
// no policy and is not recorded: it is for the operator.
func (k *KMS) Report(ctx context.Context, c Caller, keyID string, grant func(Grant) error) (*KeyReport, error) {
	cl := newCall(k, c, "DescribeKey")
	if err := cl.prepare(); err != nil {
		return nil, err
	}
	e, _, err := cl.find(ctx, keyID, anyName)
	if err != nil {
		return nil, err
	}
	out := &KeyReport{KeyMetadata: *e.metadata()}
	if out.Aliases, err = k.aliasesOf(ctx, e.ID); err != nil {
		return nil, err
	}
	last, err := k.lastUse(ctx, e)
	if err != nil {
		return nil, err
	}
	out.Last = *last
	prefix := prefixGrant(e.ID)
	return out, k.store.Scan(ctx, prefix, "", 0, func(_ string, value []byte, _ uint64) error {
		var rec grantRecord
		if err := decodeRecord(value, &rec); err != nil {
			return err
		}
		return grant(rec.public(e))
	})
}
