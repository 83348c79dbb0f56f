package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"coffer.example/aead"
)

// An object is sealed under content keys of its own, one per layer, drawn when its upload
// starts, since its digest, which the key's context names, is known only when it ends. Then
//
//	service layer   the content key is wrapped under the store's reserved key, with the object's context
//	KMS layer       GenerateDataKey gives a data key under the repository's key, with the object's context;
//	                the content key is sealed under it (aead's record), and the data key kept as KMS wrapped it
//
// While an upload runs, both are wrapped under the reserved key in an object of its own
// of the blob store, which is deleted when the upload ends.

// objectKeys are the keys of a finished object as they are kept.
type objectKeys struct {
	Service []byte `json:",omitempty"` // content key of the service layer, wrapped
	KMS     []byte `json:",omitempty"` // data key: KMS's CiphertextBlob
	Content []byte `json:",omitempty"` // content key of the KMS layer, sealed under the data key
}

// uploadKeys are those of an upload, wrapped under the reserved key.
type uploadKeys struct {
	Service []byte `json:",omitempty"`
	KMS     []byte `json:",omitempty"`
}

// reservedKey is how a keyring names the store's own key.
const reservedKey = ""

// uploadContext is the context of an upload's keys.
func uploadContext(r *Repository, object, layer string) map[string]string {
	return map[string]string{"coffer:repository": r.ID, "coffer:upload": object, "coffer:layer": layer}
}

// serviceContext is objectContext for the service's own key.
func (r *Repository) serviceContext(object, sha256 string) map[string]string {
	ec := r.objectContext(object, sha256)
	ec["coffer:layer"] = layerService
	return ec
}

func keyObject(repo, object string) string { return blobPrefix(repo) + object + "-key" }

// newUploadKeys draws the content keys of an upload and keeps them wrapped.
func (s *Service) newUploadKeys(ctx context.Context, r *Repository, object string) (*contentKeys, *uploadKeys, error) {
	open, kept := &contentKeys{}, &uploadKeys{}
	if r.Encryption.Type != EncryptionAES256 {
		dek, wrapped, _, err := s.keys.Keyring().NewDataKey(ctx, reservedKey, uploadContext(r, object, layerKMS))
		if err != nil {
			return nil, nil, err
		}
		open.kms, kept.KMS = dek.Secret(), wrapped
	}
	if r.Encryption.Type != EncryptionKMS {
		dek, wrapped, _, err := s.keys.Keyring().NewDataKey(ctx, reservedKey, uploadContext(r, object, layerService))
		if err != nil {
			open.destroy()
			return nil, nil, err
		}
		open.service, kept.Service = dek.Secret(), wrapped
	}
	return open, kept, nil
}

// saveUploadKeys keeps the keys of an upload for the requests that follow.
func (s *Service) saveUploadKeys(ctx context.Context, r *Repository, object string, kept *uploadKeys) error {
	return s.blobs.Put(ctx, keyObject(r.ID, object), func(w io.Writer) error { return json.NewEncoder(w).Encode(kept) })
}

// loadUploadKeys opens the keys of an upload.
func (s *Service) loadUploadKeys(ctx context.Context, r *Repository, object string) (*contentKeys, *uploadKeys, error) {
	file, err := s.blobs.Get(ctx, keyObject(r.ID, object))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	kept := &uploadKeys{}
	err = json.NewDecoder(io.NewSectionReader(file, 0, file.Size())).Decode(kept)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, nil, fmt.Errorf("%w: keys of upload %s: %w", ErrDamaged, object, err)
	}
	open := &contentKeys{}
	if r.Encryption.Type != EncryptionAES256 {
		if open.kms, err = s.unwrapReserved(ctx, kept.KMS, uploadContext(r, object, layerKMS)); err != nil {
			return nil, nil, err
		}
	}
	if r.Encryption.Type != EncryptionKMS {
		if open.service, err = s.unwrapReserved(ctx, kept.Service, uploadContext(r, object, layerService)); err != nil {
			open.destroy()
			return nil, nil, err
		}
	}
	return open, kept, nil
}

func (s *Service) unwrapReserved(ctx context.Context, wrapped []byte, ec map[string]string) (*aead.Secret, error) {
	dek, err := s.keys.Keyring().Unwrap(ctx, wrapped, ec)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return dek.Secret(), nil
}

// guard puts an object's content keys under the keys that guard them for good. For a
// KMS repository this is the one use of its key in a push.
func (s *Service) guard(ctx context.Context, r *Repository, object, sha256 string, open *contentKeys, kept *uploadKeys) (*objectKeys, error) {
	out := &objectKeys{}
	if open.service != nil {
		dek, wrapped, _, err := s.keys.Keyring().Rewrap(ctx, kept.Service, uploadContext(r, object, layerService), reservedKey, r.serviceContext(object, sha256))
		if err != nil {
			return nil, err
		}
		dek.Destroy()
		out.Service = wrapped
	}
	if open.kms == nil {
		return out, nil
	}
	secret, wrapped, err := s.newDataKey(ctx, r, r.objectContext(object, sha256))
	if err != nil {
		return nil, err
	}
	key, err := aead.NewRecordKey(secret)
	if err != nil {
		return nil, err
	}
	out.KMS = wrapped
	out.Content, err = key.Seal(s.rand, nil, open.kms.Bytes(), contentAAD(r, object))
	return out, err
}

func contentAAD(r *Repository, object string) []byte {
	return []byte("coffer/content-key/" + r.ID + "/" + object)
}

// openKeys opens the keys of an object. For a KMS repository this is the one use of its key in a pull.
func (s *Service) openKeys(ctx context.Context, r *Repository, o *object) (*contentKeys, error) {
	open := &contentKeys{}
	if o.Keys.KMS != nil {
		secret, err := s.openDataKey(ctx, r, o.Keys.KMS, r.objectContext(o.ID, o.SHA256))
		if err != nil {
			return nil, err
		}
		key, err := aead.NewRecordKey(secret)
		if err != nil {
			return nil, err
		}
		content, err := key.Open(nil, o.Keys.Content, contentAAD(r, o.ID))
		if err != nil {
			return nil, fmt.Errorf("%w: content key of %s: %w", ErrDamaged, o.ID, err)
		}
		open.kms = aead.NewSecret(content)
	}
	if o.Keys.Service != nil {
		var err error
		if open.service, err = s.unwrapReserved(ctx, o.Keys.Service, r.serviceContext(o.ID, o.SHA256)); err != nil {
			open.destroy()
			return nil, err
		}
	}
	if open.layers() == 0 {
		return nil, fmt.Errorf("%w: %s has no keys", ErrDamaged, o.ID)
	}
	return open, nil
}
