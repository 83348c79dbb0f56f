package snapshot

import (
	"errors"
	"fmt"
)

// The refusals of Decide.
var (
	// ErrKeyWithoutEncrypted says that a key was named without asking for encryption.
	ErrKeyWithoutEncrypted = errors.New("snapshot: a key is named but encryption is not asked for")
	// ErrEncryptionParameters says that the operation does not allow these encryption parameters for this source.
	ErrEncryptionParameters = errors.New("snapshot: encryption parameters not allowed here")
)

// Operation is what is about to be made.
type Operation uint8

// The operations that decide about encryption. CreateSnapshot is not among them: a
// snapshot has the encryption of its volume, whatever the account's defaults are.
const (
	CreateVolume  Operation = iota // also each block device of a launch
	CopyImage                      // each snapshot of the image, with the one pair of parameters
	CopySnapshot                   // one snapshot
	StartSnapshot                  // a snapshot written block by block; its source is the parent
	MapDevice                      // a block device mapping of CreateImage or RegisterImage
)

// Source is what the new volume or snapshot is made from.
type Source uint8

// The sources.
const (
	Empty           Source = iota // nothing
	Plain                         // an unencrypted snapshot, whoever owns it
	Encrypted                     // an encrypted snapshot of the caller's account
	EncryptedShared               // an encrypted snapshot that another account shares
	PlainVolume                   // MapDevice only: an unencrypted volume of the instance
	EncryptedVolume               // MapDevice only: an encrypted volume of the instance
)

// Flag is an optional boolean parameter.
type Flag uint8

// The values of a Flag.
const (
	Omitted Flag = iota
	True
	False
)

// Request is everything that the decision depends on.
type Request struct {
	Operation Operation
	Source    Source
	Encrypted Flag
	KeyGiven  bool // a KMS key is named
	// EncryptByDefault is the account's setting in the Region.
	EncryptByDefault bool
	// ManagedKeyCopies selects the other documented behaviour of CopySnapshot: a copy of
	// an own encrypted snapshot, made without naming a key, is under the AWS managed key
	// (under the default key where encryption by default is on) and not under the source's.
	ManagedKeyCopies bool
}

// Key says under which key the new volume or snapshot is.
type Key uint8

// The outcomes.
const (
	NoKey      Key = iota // unencrypted
	DefaultKey            // the account's default EBS key, of the caller
	SourceKey             // the key of the source
	GivenKey              // the key that the request names
	ManagedKey            // the AWS managed key for EBS, of the caller
)

// String returns the name of k.
func (k Key) String() string {
	switch k {
	case NoKey:
		return "unencrypted"
	case DefaultKey:
		return "default key"
	case SourceKey:
		return "source key"
	case GivenKey:
		return "given key"
	case ManagedKey:
		return "managed key"
	}
	return fmt.Sprintf("Key(%d)", uint8(k))
}

// Decide is the encryption decision table: it answers whether what r makes is
// encrypted and under which key, or why the parameters are refused. Every launch,
// volume, copy and upload asks it, and nothing else decides.
func Decide(r Request) (Key, error) {
	switch r.Operation {
	case CreateVolume, CopyImage:
		return decideVolume(r)
	case CopySnapshot:
		return decideCopySnapshot(r)
	case StartSnapshot:
		return decideUpload(r)
	case MapDevice:
		return decideMapping(r)
	}
	return NoKey, fmt.Errorf("%w: operation %d", ErrEncryptionParameters, r.Operation)
}

// decideVolume is the table of launches, CreateVolume and CopyImage. Encrypted=false
// means the same as omitting it: it never removes encryption.
func decideVolume(r Request) (Key, error) {
	if r.KeyGiven {
		if r.Encrypted != True {
			return NoKey, ErrKeyWithoutEncrypted
		}
		return GivenKey, nil
	}
	switch r.Source {
	case Empty, Plain:
		if r.Encrypted == True || r.EncryptByDefault {
			return DefaultKey, nil
		}
		return NoKey, nil
	case Encrypted:
		return SourceKey, nil
	case EncryptedShared:
		return DefaultKey, nil
	}
	return NoKey, fmt.Errorf("%w: source %d", ErrEncryptionParameters, r.Source)
}

// decideCopySnapshot is decideVolume but for two sentences of its own page:
// Encrypted cannot be set to false, and see ManagedKeyCopies.
func decideCopySnapshot(r Request) (Key, error) {
	if r.Encrypted == False && !r.KeyGiven {
		return NoKey, fmt.Errorf("%w: a copy cannot set Encrypted to false", ErrEncryptionParameters)
	}
	key, err := decideVolume(r)
	if err == nil && key == SourceKey && r.ManagedKeyCopies {
		if r.EncryptByDefault {
			return DefaultKey, nil
		}
		return ManagedKey, nil
	}
	return key, err
}

// decideUpload is StartSnapshot's table: with a parent nothing may be said, and
// without one a key alone is enough.
func decideUpload(r Request) (Key, error) {
	if r.Source != Empty {
		if r.KeyGiven || r.Encrypted != Omitted {
			return NoKey, fmt.Errorf("%w: a snapshot with a parent takes its encryption from it", ErrEncryptionParameters)
		}
		if r.Source == Encrypted {
			return SourceKey, nil
		}
		if r.Source != Plain {
			return NoKey, fmt.Errorf("%w: the parent must be a snapshot of the same account", ErrEncryptionParameters)
		}
		if r.EncryptByDefault {
			return NoKey, fmt.Errorf("%w: an unencrypted parent while encryption by default is on", ErrEncryptionParameters)
		}
		return NoKey, nil
	}
	switch {
	case r.Encrypted == False && (r.KeyGiven || r.EncryptByDefault):
		return NoKey, fmt.Errorf("%w: Encrypted is false, but a key is named or encryption by default is on", ErrEncryptionParameters)
	case r.KeyGiven:
		return GivenKey, nil
	case r.Encrypted == True, r.EncryptByDefault:
		return DefaultKey, nil
	}
	return NoKey, nil
}

// decideMapping is the table of block device mappings of images. Encryption by
// default does not act here: it acts when the image is launched or copied.
func decideMapping(r Request) (Key, error) {
	if r.KeyGiven {
		return NoKey, fmt.Errorf("%w: a mapping of an image cannot name a key", ErrEncryptionParameters)
	}
	switch r.Source {
	case Empty:
		if r.Encrypted == True {
			return DefaultKey, nil
		}
		return NoKey, nil
	case PlainVolume:
		if r.Encrypted == True {
			return NoKey, fmt.Errorf("%w: the volume is not encrypted", ErrEncryptionParameters)
		}
		return NoKey, nil
	case EncryptedVolume:
		return SourceKey, nil
	}
	if r.Encrypted != Omitted {
		return NoKey, fmt.Errorf("%w: a mapping with a snapshot takes its encryption from it", ErrEncryptionParameters)
	}
	switch r.Source {
	case Plain:
		return NoKey, nil
	case Encrypted:
		return SourceKey, nil
	}
	return NoKey, fmt.Errorf("%w: source %d", ErrEncryptionParameters, r.Source)
}
