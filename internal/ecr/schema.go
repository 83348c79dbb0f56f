package ecr

import "strings"

// The key schema of this package in the metadata store. id is a repository's, a UUID.
//
//	ecr/repo/<region>/<account>/<name>       a repository
//	ecr/creating/<id>                        one whose grants are being made
//	ecr/deleting/<id>                        one whose name is free already and whose contents go
//	ecr/upload/<id>/<upload>                 an unfinished upload
//	ecr/layer/<id>/<digest>                  a layer
//	ecr/image/<id>/<digest>                  a manifest
//	ecr/tag/<id>/<lower-case tag>!<tag>      the digest of a tag; this is the order of the OCI specification
//	ecr/tagged/<id>/<digest>/<tag>           the tags of a digest
//	ecr/referrer/<id>/<subject>/<digest>     a manifest with a subject: its descriptor
//
// Objects of the blob store:
//
//	ecr/<id>/<object>-key                    the wrapped keys of an unfinished upload
//	ecr/<id>/<object>-<number>-<run>         a segment of a layer or manifest
const (
	repoPrefix     = "ecr/repo/"
	creatingPrefix = "ecr/creating/"
	deletingPrefix = "ecr/deleting/"
)

func accountPrefix(region, account string) string { return repoPrefix + region + "/" + account + "/" }

func repoKey(region, account, name string) string { return accountPrefix(region, account) + name }

func creatingKey(id string) string { return creatingPrefix + id }
func deletingKey(id string) string { return deletingPrefix + id }

func uploadPrefix(id string) string { return "ecr/upload/" + id + "/" }

func uploadKey(id, upload string) string { return uploadPrefix(id) + upload }

func layerPrefix(id string) string { return "ecr/layer/" + id + "/" }

func layerKey(id, digest string) string { return layerPrefix(id) + digest }

func imagePrefix(id string) string { return "ecr/image/" + id + "/" }

func imageKey(id, digest string) string { return imagePrefix(id) + digest }

func tagPrefix(id string) string { return "ecr/tag/" + id + "/" }

func tagKey(id, tag string) string { return tagPrefix(id) + strings.ToLower(tag) + "!" + tag }

func taggedPrefix(id, digest string) string { return "ecr/tagged/" + id + "/" + digest + "/" }

func taggedKey(id, digest, tag string) string { return taggedPrefix(id, digest) + tag }

func referrerPrefix(id, subject string) string { return "ecr/referrer/" + id + "/" + subject + "/" }

func referrerKey(id, subject, digest string) string { return referrerPrefix(id, subject) + digest }

// contentPrefixes are all records of a repository's contents.
func contentPrefixes(id string) []string {
	return []string{uploadPrefix(id), "ecr/referrer/" + id + "/", tagPrefix(id), "ecr/tagged/" + id + "/", imagePrefix(id), layerPrefix(id)}
}

func blobPrefix(id string) string { return "ecr/" + id + "/" }

func lastPart(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }
