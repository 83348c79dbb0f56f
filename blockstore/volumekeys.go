package blockstore

import "coffer.example/aead"

// volumeKeys are the keys derived from one data key that headers and records need.
// The session keys are in sessions.go.
type volumeKeys struct {
	dek    *aead.DataKey
	number uint32 // of the K record
	suite  aead.Suite
	index  *aead.MACKey
	view   *aead.MACKey
	anchor *aead.MACKey
	header *aead.RecordKey
}

func newVolumeKeys(dek *aead.DataKey, number uint32, suite aead.Suite) (*volumeKeys, error) {
	header, err := dek.HeaderKey()
	if err != nil {
		return nil, err
	}
	return &volumeKeys{dek: dek, number: number, suite: suite,
		index: dek.IndexKey(), view: dek.ViewKey(), anchor: dek.AnchorKey(), header: header}, nil
}

func (k *volumeKeys) destroy() {
	if k != nil {
		k.dek.Destroy()
	}
}

// recordPRF is the member of a view's set hash that stands for one record.
func (k *volumeKeys) recordPRF(rid aead.ID, extent uint64, generation uint32, mac [aead.TagSize]byte) [32]byte {
	var buf [1 + 16 + 8 + 4 + aead.TagSize]byte
	return k.view.Sum(append(appendPlace(buf[:0], prefixExtent, rid, extent, generation), mac[:]...))
}

// birthPRF is the member of a birth list's set hash that stands for one entry.
func (k *volumeKeys) birthPRF(rid aead.ID, extent uint64, generation uint32) [32]byte {
	var buf [1 + 16 + 8 + 4]byte
	return k.view.Sum(appendPlace(buf[:0], prefixBirth, rid, extent, generation))
}
