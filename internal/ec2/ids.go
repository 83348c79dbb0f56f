package ec2

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// idDigits is the length of an id after its prefix, in hexadecimal digits.
const idDigits = 17

// The prefixes of ids.
const (
	volumePrefix      = "vol-"
	snapshotPrefix    = "snap-"
	instancePrefix    = "i-"
	imagePrefix       = "ami-"
	reservationPrefix = "r-"
)

// copiedVolumeID is what a copied snapshot shows as its volume, as on AWS.
const copiedVolumeID = "vol-ffffffff"

// newID draws an id. Its 68 bits make a collision within 10 million ids less likely
// than 2^-20, and a commit that creates a record expects its key to be absent.
func newID(rand io.Reader, prefix string) (string, error) {
	var b [9]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("ec2: draw an id: %w", err)
	}
	return prefix + hex.EncodeToString(b[:])[:idDigits], nil
}

// newUUID draws a random UUID.
func newUUID(rand io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("ec2: draw an id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// wellFormed says whether id is the prefix and 8 or 17 lower-case hexadecimal digits.
func wellFormed(id, prefix string) bool {
	digits, ok := strings.CutPrefix(id, prefix)
	if !ok || len(digits) != idDigits && len(digits) != 8 {
		return false
	}
	return strings.Trim(digits, "0123456789abcdef") == ""
}

// A kind is a kind of resource that has a record, tags and an id.
type kind struct {
	name      string // also the resource type of tags and ARNs
	prefix    string
	notFound  Reason
	malformed Reason
}

func kindVolume() kind {
	return kind{"volume", volumePrefix, VolumeNotFound, VolumeIDMalformed}
}
func kindSnapshot() kind {
	return kind{"snapshot", snapshotPrefix, SnapshotNotFound, SnapshotIDMalformed}
}
func kindInstance() kind {
	return kind{"instance", instancePrefix, InstanceNotFound, InstanceIDMalformed}
}
func kindImage() kind {
	return kind{"image", imagePrefix, ImageNotFound, ImageIDMalformed}
}

func kinds() []kind { return []kind{kindImage(), kindInstance(), kindSnapshot(), kindVolume()} }

// kindOf finds the kind of an id by its prefix.
func kindOf(id string) (kind, bool) {
	for _, k := range kinds() {
		if strings.HasPrefix(id, k.prefix) {
			return k, true
		}
	}
	return kind{}, false
}

// check refuses an id that is not well formed.
func (k kind) check(id string) error {
	if wellFormed(id, k.prefix) {
		return nil
	}
	hasPrefix := strings.HasPrefix(id, k.prefix)
	switch {
	case hasPrefix:
		return refuse(k.malformed, "Invalid id: %q", id)
	case k.name == "volume" || k.name == "snapshot":
		return refuse(InvalidParameter, "Value (%s) for parameter %sId is invalid. Expected: '%s...'.", id, k.name, k.prefix)
	}
	return refuse(k.malformed, "Invalid id: %q (expecting \"%s...\")", id, k.prefix)
}

// missing says that resources do not exist, or are not the caller's to see.
func (k kind) missing(ids ...string) error {
	list := strings.Join(ids, ", ")
	switch {
	case k.name == "image":
		return refuse(k.notFound, "The image id '[%s]' does not exist", list)
	case len(ids) > 1 && k.name == "instance":
		return refuse(k.notFound, "The instance IDs '%s' do not exist", list)
	case k.name == "instance":
		return refuse(k.notFound, "The instance ID '%s' does not exist", list)
	case len(ids) > 1:
		return refuse(k.notFound, "The %ss '%s' do not exist.", k.name, list)
	}
	return refuse(k.notFound, "The %s '%s' does not exist.", k.name, list)
}
