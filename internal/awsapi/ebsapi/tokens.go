package ebsapi

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"coffer.example/internal/awsapi"
)

// blockTokenLifetime is how long a listed block can be read (AWS).
const blockTokenLifetime = 7 * 24 * time.Hour

// pageLifetime is how long a list can be gone on with (AWS).
const pageLifetime = time.Hour

// blockToken seals the right to ask for a block. Expiry and index are the plaintext,
// the account and the snapshot associated data.
func (a *api) blockToken(r *awsapi.Request, snapshot string, index int64, expires time.Time) (string, error) {
	plain := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	plain = binary.BigEndian.AppendUint64(plain, uint64(index))
	sealed, err := a.tokens.Seal(a.rand, nil, plain, blockData(r, snapshot))
	return base64.StdEncoding.EncodeToString(sealed), err
}

// checkBlockToken refuses a token that is not of this block and caller, or is too old.
func (a *api) checkBlockToken(r *awsapi.Request, snapshot string, index int64, token string) error {
	refused := invalid("INVALID_BLOCK_TOKEN", "The block token is invalid or has expired")
	sealed, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return refused
	}
	plain, err := a.tokens.Open(nil, sealed, blockData(r, snapshot))
	if err != nil || len(plain) != 16 || binary.BigEndian.Uint64(plain) < uint64(r.Time.Unix()) || binary.BigEndian.Uint64(plain[8:]) != uint64(index) {
		return refused
	}
	return nil
}

// blockData keeps block tokens apart from other tokens under the same key. Its parts
// have no zero byte.
func blockData(r *awsapi.Request, snapshot string) []byte {
	return []byte("ebs block\x00" + r.Principal.Account + "\x00" + r.Region + "\x00" + snapshot)
}
