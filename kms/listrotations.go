package kms

import (
	"context"
	"slices"
	"strconv"

	"coffer.example/internal/meta"
)

// ListKeyRotations lists a key's rotations, or all its material, oldest first.
func (k *KMS) ListKeyRotations(ctx context.Context, c Caller, in ListKeyRotationsInput) (*ListKeyRotationsOutput, error) {
	return perform(ctx, k, c, "ListKeyRotations", func(cl *call) (*ListKeyRotationsOutput, error) {
		cl.params = keyParams{KeyID: in.KeyID, Limit: in.Limit}
		var v checks
		v.page(in.Page, maxPage)
		v.enum("includeKeyMaterial", in.IncludeKeyMaterial, "ALL_KEY_MATERIAL", "ROTATIONS_ONLY")
		if err := v.err(); err != nil {
			return nil, err
		}
		e, err := cl.manage(ctx, in.KeyID, nil)
		if err != nil {
			return nil, err
		}
		if e.Spec != specSymmetric {
			return nil, &Error{Kind: ErrUnsupported}
		}
		all, err := k.materials(ctx, e.ID)
		if err != nil {
			return nil, err
		}
		out := &ListKeyRotationsOutput{}
		out.Rotations, out.Next, err = cl.pageRotations(in, e, all)
		return out, err
	})
}

// materials returns a key's material records, the oldest first and one that waits for a rotation last.
func (k *KMS) materials(ctx context.Context, keyID string) (all []*materialRecord, err error) {
	err = k.store.Scan(ctx, prefixMaterial(keyID), "", 0, func(_ string, value []byte, _ uint64) error {
		m := &materialRecord{}
		all = append(all, m)
		return decodeRecord(value, m)
	})
	slices.SortFunc(all, func(a, b *materialRecord) int { return a.order() - b.order() })
	return all, err
}

// order is the place of a material among a key's.
func (m *materialRecord) order() int {
	if m.Number == 0 {
		return meta.MaxValueSize // after any number of rotations
	}
	return m.Number
}

func (cl *call) pageRotations(in ListKeyRotationsInput, e *keyEntry, all []*materialRecord) (out []KeyRotation, next Next, err error) {
	aad, after := cl.markerAAD(e.ID+"/"+in.IncludeKeyMaterial), 0
	if in.Marker != "" {
		last, err := cl.openMarker(in.Marker, aad)
		if err != nil {
			return nil, next, err
		}
		if after, err = strconv.Atoi(last); err != nil {
			return nil, next, err
		}
	}
	last := 0
	for _, m := range all {
		if m.order() <= after || in.IncludeKeyMaterial != "ALL_KEY_MATERIAL" && m.Rotated.IsZero() {
			continue
		}
		if len(out) == in.limit(defaultPage) {
			next.Truncated = true
			next.Marker, err = cl.sealMarker(strconv.Itoa(last), aad)
			break
		}
		out, last = append(out, m.public(e)), m.order()
	}
	return out, next, err
}

func (m *materialRecord) public(e *keyEntry) KeyRotation {
	r := KeyRotation{KeyID: e.ID, MaterialID: m.ID, Description: m.Description, Type: m.Type, Date: m.Rotated,
		ValidTo: m.ValidTo, ExpirationModel: m.ExpirationModel, MaterialState: "NON_CURRENT"}
	switch {
	case m.Number == 0:
		r.MaterialState = "PENDING_ROTATION"
	case m.ID == e.Material:
		r.MaterialState = "CURRENT"
	}
	if e.Origin == originExternal {
		r.ImportState = "IMPORTED"
		if len(m.Sealed) == 0 {
			r.ImportState = "PENDING_IMPORT"
		}
	}
	return r
}
