package kms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"coffer.example/aead"
	"coffer.example/internal/iam"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/pebblemeta"
)

const metaDir = "meta"

func checkOptions(o Options) error {
	switch {
	case o.Dir == "":
		return errors.New("kms: Options.Dir is empty")
	case o.Root == nil:
		return errors.New("kms: Options.Root is missing")
	case o.Account != "" && !validAccount(o.Account):
		return errors.New("kms: Options.Account is not 12 digits")
	case !validRegion(o.Region):
		return errors.New("kms: Options.Region is not the name of a Region")
	}
	return nil
}

func (s *sealingRecord) dir(o Options) RootDir { return RootDir{o.Dir, s.store, o.Rand} }

// openRoot has the directory's Root open the root key.
func (s *sealingRecord) openRoot(o Options) (*aead.Secret, error) {
	if s.kind != o.Root.Kind() {
		return nil, fmt.Errorf("%w: it is sealed by %s, not by %s", ErrWrongRoot, s.kind, o.Root.Kind())
	}
	root, err := o.Root.Open(context.Background(), s.dir(o), s.root)
	if err != nil {
		return nil, err
	}
	if root.Len() != aead.KeySize {
		root.Destroy()
		return nil, fmt.Errorf("%w: root key of another size", ErrDamaged)
	}
	return root, nil
}

// Open opens a directory that Init made.
func Open(o Options) (*KMS, error) {
	o = o.withDefaults()
	if err := checkOptions(o); err != nil {
		return nil, err
	}
	rec, root, err := openSealing(o)
	if err != nil {
		return nil, err
	}
	defer root.Destroy()
	if rec.state == sealingRotating {
		return nil, fmt.Errorf("%w: finish with RotateRoot: %s", ErrRotating, o.Dir)
	}
	inner, own, err := openStore(o, rec)
	if err != nil {
		return nil, err
	}
	k, err := newKMS(o, inner, own, root)
	if err == nil {
		err = k.start(context.Background(), rec)
	}
	if err != nil && own != nil {
		err = errors.Join(err, own.Close())
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

func openSealing(o Options) (*sealingRecord, *aead.Secret, error) {
	rec, err := readSealing(o.Dir)
	if err != nil {
		return nil, nil, err
	}
	root, err := rec.openRoot(o)
	return rec, root, err
}

// openStore opens the store in the directory unless Options bring one. The root key
// has been checked before: a wrong one changes nothing.
func openStore(o Options, rec *sealingRecord) (inner meta.Store, own *pebblemeta.Store, err error) {
	if o.Store != nil {
		return o.Store, nil, nil
	}
	dir := filepath.Join(o.Dir, metaDir)
	if _, err := os.Stat(dir); err != nil && rec.state != sealingInit {
		return nil, nil, fmt.Errorf("%w: %s is missing", ErrDamaged, dir)
	}
	s, err := pebblemeta.Open(pebblemeta.Options{Dir: dir, Logf: o.Logf})
	switch {
	case errors.Is(err, pebblemeta.ErrInUse):
		return nil, nil, fmt.Errorf("%w: %s", ErrInUse, o.Dir)
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	// Another process may have resealed the directory before we held it.
	now, err := readSealing(o.Dir)
	if err == nil && (now.state != rec.state || !bytes.Equal(now.root, rec.root)) {
		err = fmt.Errorf("%w: it was resealed a moment ago", ErrInUse)
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, s, nil
}

func newKMS(o Options, inner meta.Store, own *pebblemeta.Store, root *aead.Secret) (*KMS, error) {
	k := &KMS{
		o: o, inner: inner,
		keys:     newCache[string, *keyEntry](keyCacheBytes),
		grants:   newCache[granteeName, []iam.Grant](grantCacheBytes),
		wrapping: newCache[aead.WrapHeader, *aead.WrappingKey](wrappingCacheKeys),
		counts:   newCounters(counterCachePlaces),
		policies: iam.NewCache(policyCacheBytes),
		uses:     uses{last: map[string]useRecord{}},
		tally:    tally{calls: map[outcomeOf]uint64{}},
		recorder: o.Recorder,
	}
	if own != nil {
		k.own = own
	}
	record, err := aead.NewRecordKey(aead.DeriveSecret(root, aead.LabelMetadata))
	if err != nil {
		return nil, err
	}
	k.store = meta.Sealed(inner, record, o.Rand)
	if k.materialKey, err = aead.NewRecordKey(aead.DeriveSecret(root, aead.LabelMaterial)); err != nil {
		return nil, err
	}
	k.tokenKey, err = aead.NewRecordKey(aead.DeriveSecret(root, aead.LabelToken))
	return k, err
}

// start reads the format record; where Init has not finished, it does so first.
func (k *KMS) start(ctx context.Context, rec *sealingRecord) error {
	_, err := k.get(ctx, nameFormat, &k.format)
	if missing(err) && rec.state == sealingInit {
		err = k.initialise(ctx)
	}
	switch {
	case missing(err):
		return fmt.Errorf("%w: the metadata is missing", ErrDamaged)
	case errors.Is(err, meta.ErrCorrupt):
		return fmt.Errorf("%w: the metadata is not sealed under this root key", ErrDamaged)
	case err != nil:
		return err
	case k.format.Version != storeFormatVersion:
		return fmt.Errorf("%w: store version %d", ErrFormat, k.format.Version)
	}
	if k.o.Account == "" {
		k.o.Account = k.format.Account
	}
	k.useAuditSecret()
	if rec.state == sealingInit {
		rec.state = sealingReady
		return writeSealing(k.o.Dir, rec)
	}
	return nil
}

// useAuditSecret derives the key of the audit chain and forgets the secret.
func (k *KMS) useAuditSecret() {
	secret := aead.NewSecret(k.format.AuditSecret)
	derived := aead.DeriveSecret(secret, aead.LabelAudit)
	k.auditKey = aead.MACKeyFromSecret(derived)
	secret.Destroy()
	derived.Destroy()
	k.format.AuditSecret = nil
}
