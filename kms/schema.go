package kms

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Every name that this package uses in the metadata store; ids are UUIDs, h() is a
// SHA-256 in hexadecimal. Values are records of records.go; index entries are empty.
//
//	kms/format                                    format version, account, reserved key
//	kms/key/ID                                    a key: metadata, state, policy, tags, schedule
//	kms/keys/ACCOUNT/REGION/ID                    index of customers' keys
//	kms/material/ID/MATERIAL                      one version of a key's material, wrapped
//	kms/due/SECONDS/ID                            index: the next thing that time does to a key
//	kms/alias/ACCOUNT/REGION/NAME                 an alias
//	kms/aliases/ID/NAME                           index of a key's aliases
//	kms/grant/ID/GRANT                            a grant
//	kms/grantee/ID/h(PRINCIPAL)/GRANT             index by grantee
//	kms/retiring/ACCOUNT/REGION/h(PRINCIPAL)/ID/GRANT   index by retiring principal
//	kms/named/ID/h(NAME and parameters)           the grant of that name, for idempotence
//	kms/usage/ID                                  the last use of a key
//	kms/anchor/NAME                               freshness anchors of volumes
const (
	nameFormat       = "kms/format"
	prefixKey        = "kms/key/"
	prefixAlias      = "kms/alias/"
	prefixDue        = "kms/due/"
	prefixAnchor     = "kms/anchor/"
	digitsDueSeconds = 12
)

func nameKey(id string) string                 { return prefixKey + id }
func prefixKeys(account, region string) string { return "kms/keys/" + account + "/" + region + "/" }
func prefixMaterial(id string) string          { return "kms/material/" + id + "/" }
func prefixAliases(account, region string) string {
	return prefixAlias + account + "/" + region + "/"
}
func prefixAliasesOf(id string) string { return "kms/aliases/" + id + "/" }
func prefixGrant(id string) string     { return "kms/grant/" + id + "/" }
func prefixGrantee(id, principal string) string {
	return "kms/grantee/" + id + "/" + hashName(principal) + "/"
}
func prefixRetiring(account, region, principal string) string {
	return "kms/retiring/" + account + "/" + region + "/" + hashName(principal) + "/"
}
func prefixNamed(id string) string { return "kms/named/" + id + "/" }
func nameUsage(id string) string   { return "kms/usage/" + id }
func nameDue(at time.Time, id string) string {
	return fmt.Sprintf("%s%0*d/%s", prefixDue, digitsDueSeconds, max(at.Unix(), 0), id)
}

func hashName(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
