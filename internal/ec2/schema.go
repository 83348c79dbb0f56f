package ec2

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// The key schema of this package in the metadata store. Every record of an account
// lies under its own prefix, so that a Describe reads no other account's.
//
//	ec2/<kind>/<region>/<owner>/<id>             a resource
//	ec2/owner/<id>                               who owns a snapshot or image, which others may name
//	ec2/shared/<kind>/<region>/<account>/<id>    what is shared with an account, or with "all"
//	ec2/image-name/<region>/<owner>/<hash>       the id of the image of that name
//	ec2/image-use/<region>/<snapshot>/<image>    a snapshot that an image uses
//	ec2/unsettled/<kind>/<region>/<owner>/<id>   a resource that start-up must look at
//	ec2/settings/<region>/<account>              encryption by default
//	ec2/token/<region>/<account>/<op>/<hash>     an idempotency token
//	ec2/fast-restore/<region>/<account>/<snapshot>/<zone>  fast snapshot restore, by who enabled it
//	ec2/terminated/<id>                          an instance to forget
const (
	rootPrefix       = "ec2/"
	tokenPrefix      = rootPrefix + "token/"
	terminatedPrefix = rootPrefix + "terminated/"
	everyone         = "all"
)

func kindPrefix(k kind) string { return rootPrefix + k.name + "/" }

func ownedPrefix(k kind, region, owner string) string {
	return kindPrefix(k) + region + "/" + owner + "/"
}

func resourceKey(k kind, region, owner, id string) string { return ownedPrefix(k, region, owner) + id }

func ownerKey(id string) string { return rootPrefix + "owner/" + id }

func sharedPrefix(k kind, region, account string) string {
	return rootPrefix + "shared/" + k.name + "/" + region + "/" + account + "/"
}

func sharedKey(k kind, region, account, id string) string {
	return sharedPrefix(k, region, account) + id
}

func imageNameKey(region, owner, name string) string {
	return rootPrefix + "image-name/" + region + "/" + owner + "/" + hash(name)
}

func imageUsePrefix(region, snapshotID string) string {
	return rootPrefix + "image-use/" + region + "/" + snapshotID + "/"
}

func unsettledKindPrefix(k kind) string { return rootPrefix + "unsettled/" + k.name + "/" }

func unsettledPrefix(k kind, region, owner string) string {
	return unsettledKindPrefix(k) + region + "/" + owner + "/"
}

func settingsKey(region, account string) string {
	return rootPrefix + "settings/" + region + "/" + account
}

func tokenKey(region, account, operation, token string) string {
	return tokenPrefix + region + "/" + account + "/" + operation + "/" + hash(token)
}

func fastRestorePrefix(region, account string) string {
	return rootPrefix + "fast-restore/" + region + "/" + account + "/"
}

func fastRestoreKey(region, account, snapshotID, zone string) string {
	return fastRestorePrefix(region, account) + snapshotID + "/" + zone
}

func lastPart(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

// hash keeps users' text out of keys, which are clear and short.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
