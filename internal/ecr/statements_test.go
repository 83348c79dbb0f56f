package ecr_test

import (
	"bytes"
	"fmt"
	"testing"

	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

// kmsEvents are the events of the key store.
func kmsEvents(events []ecrtest.Event) (out []ecrtest.Event) {
	for _, e := range events {
		if e.EventSource == "kms.amazonaws.com" {
			out = append(out, e)
		}
	}
	return out
}

// The tests of this file are named after the numbered statements on ECR's encryption at rest.

func TestN51DefaultIsTheServiceKey(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	r, err := s.CreateRepository(ctx, root, ecr.CreateRepositoryInput{Name: name("plain")})
	require.NoError(t, err)
	require.Equal(t, ecr.Encryption{Type: ecr.EncryptionAES256}, r.Encryption)
	content := bytes.Repeat([]byte("secret layer "), 10_000)
	pushImage(t, s, "plain", "v1", content)
	got, err := pullLayer(s, root, "plain", ecrtest.Digest(content))
	require.NoError(t, err)
	require.Equal(t, content, got)
	require.Empty(t, kmsEvents(w.Trail.Take()), "no use of a key that the customer sees")
	for object, sealed := range objects(t, w) {
		require.NotContains(t, string(sealed), "secret layer", object)
	}
}

func TestN52ManagedOrCustomerKey(t *testing.T) {
	w := ecrtest.New(t)
	s, key := w.Start(), newKey(t, w)
	require.NoError(t, w.Keys.CreateAlias(ctx, root, kms.AliasInput{AliasName: "alias/images", TargetKeyID: key.ID}))
	for i, named := range []string{key.ID, key.ARN, "alias/images", "arn:aws:kms:us-east-1:111122223333:alias/images"} {
		require.Equal(t, ecr.Encryption{Type: ecr.EncryptionKMS, Key: key.ARN}, create(t, s, fmt.Sprint("app/", i), ecr.EncryptionKMS, named).Encryption)
	}
	require.NotEqual(t, key.ARN, create(t, s, "managed", ecr.EncryptionKMS, "").Encryption.Key)
}

func TestN53TwoIndependentLayers(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	r := create(t, s, "dual", ecr.EncryptionDSSE, newKey(t, w).ARN)
	content := noise(1, 200_000)
	require.NoError(t, pushLayer(s, root, "dual", content))
	got, err := pullLayer(s, root, "dual", ecrtest.Digest(content))
	require.NoError(t, err)
	require.Equal(t, content, got)
	// The KMS key alone keeps the content shut, though the other layer's key is at hand.
	require.NoError(t, w.Keys.DisableKey(ctx, root, kms.KeyInput{KeyID: r.Encryption.Key}))
	_, err = pullLayer(s, root, "dual", ecrtest.Digest(content))
	requireReason(t, err, ecr.KeyUnavailable)
	// Both layers are there: each is a header of 64 bytes and a tag of 16 per chunk of 64 KiB.
	for object, sealed := range objects(t, w) {
		inner := len(content) + 4*16 + 64
		require.Len(t, sealed, inner+4*16+64, object)
	}
}

func TestN54EncryptionIsFixedAtCreation(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	r := create(t, s, "one", ecr.EncryptionKMS, newKey(t, w).ARN)
	create(t, s, "two", ecr.EncryptionAES256, "")
	_, err := s.CreateRepository(ctx, root, ecr.CreateRepositoryInput{Name: name("one"), Encryption: ecr.Encryption{Type: ecr.EncryptionAES256}})
	requireReason(t, err, ecr.RepositoryExists)
	_, err = s.CreateRepository(ctx, root, ecr.CreateRepositoryInput{Name: name("three"), Encryption: ecr.Encryption{Type: ecr.EncryptionAES256, Key: "alias/x"}})
	requireReason(t, err, ecr.InvalidParameter)
	_, err = s.SetMutability(ctx, root, name("one"), ecr.Mutability{Mode: ecr.Immutable})
	require.NoError(t, err)
	found, err := s.Describe(ctx, root, "", []string{"one", "two"})
	require.NoError(t, err)
	require.Equal(t, r.Encryption, found[0].Encryption)
	require.Equal(t, ecr.EncryptionAES256, found[1].Encryption.Type)
}

func grantsOf(t *testing.T, w *ecrtest.World, key string) []kms.Grant {
	t.Helper()
	out, err := w.Keys.ListGrants(ctx, root, kms.ListGrantsInput{KeyID: key})
	require.NoError(t, err)
	return out.Grants
}

func TestN55TheRepositoryIsTheGrantee(t *testing.T) {
	w := ecrtest.New(t)
	s, key := w.Start(), newKey(t, w)
	r := create(t, s, "app/web", ecr.EncryptionKMS, key.ARN)
	for _, g := range grantsOf(t, w, key.ID) {
		require.Equal(t, r.ARN(), g.Grantee)
		require.Equal(t, []string{"Decrypt", "GenerateDataKey"}, g.Operations)
	}
	w.Trail.Take()
	content := noise(2, 1000)
	require.NoError(t, pushLayer(s, root, "app/web", content))
	events := kmsEvents(w.Trail.Take())
	require.Equal(t, r.ARN(), events[0].UserIdentity.ARN, "the repository itself uses its key")
	require.Contains(t, events[0].CofferDecision.Reason, "allowed by grant")
}

func TestN56CreateDescribesAndMakesTwoGrants(t *testing.T) {
	w := ecrtest.New(t)
	s, key := w.Start(), newKey(t, w)
	w.Trail.Take()
	r := create(t, s, "app", ecr.EncryptionKMS, key.ID)
	events := kmsEvents(w.Trail.Take())
	require.Equal(t, []string{"DescribeKey", "CreateGrant", "CreateGrant"}, ecrtest.Names(events))
	require.Equal(t, key.ARN, r.Encryption.Key)
	require.Len(t, grantsOf(t, w, key.ID), 2)
	require.Equal(t, root.ARN, events[1].UserIdentity.ARN)
}

func TestN57PushGeneratesADataKey(t *testing.T) {
	w := ecrtest.New(t)
	s, key := w.Start(), newKey(t, w)
	create(t, s, "app", ecr.EncryptionKMS, key.ID)
	w.Trail.Take()
	pushImage(t, s, "app", "v1", noise(3, 100_000))
	events := kmsEvents(w.Trail.Take())
	require.Equal(t, []string{"GenerateDataKey", "GenerateDataKey", "GenerateDataKey"}, ecrtest.Names(events), "config, layer and manifest")
	for _, e := range events {
		require.Equal(t, key.ARN, e.RequestParameters["keyId"])
		require.Equal(t, "AES_256", e.RequestParameters["keySpec"])
	}
}

func TestN58PullDecrypts(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	create(t, s, "app", ecr.EncryptionKMS, newKey(t, w).ARN)
	content := noise(4, 100_000)
	digest := pushImage(t, s, "app", "v1", content)
	w.Trail.Take()
	_, _, err := s.GetImage(ctx, root, name("app"), ecr.ImageID{Digest: digest})
	require.NoError(t, err)
	got, err := pullLayer(s, root, "app", ecrtest.Digest(content))
	require.NoError(t, err)
	require.Equal(t, content, got)
	require.Equal(t, []string{"Decrypt", "Decrypt"}, ecrtest.Names(kmsEvents(w.Trail.Take())))
}

func TestN59DeleteRetiresTwoGrants(t *testing.T) {
	w := ecrtest.New(t)
	s, key := w.Start(), newKey(t, w)
	r := create(t, s, "app", ecr.EncryptionKMS, key.ID)
	pushImage(t, s, "app", "v1", noise(5, 1000))
	_, err := s.DeleteRepository(ctx, root, name("app"), false)
	requireReason(t, err, ecr.RepositoryNotEmpty)
	w.Trail.Take()
	_, err = s.DeleteRepository(ctx, root, name("app"), true)
	require.NoError(t, err)
	events := kmsEvents(w.Trail.Take())
	require.Equal(t, []string{"RetireGrant", "RetireGrant"}, ecrtest.Names(events))
	for i, e := range events {
		require.Nil(t, e.RequestParameters)
		require.Equal(t, r.Grants[i], e.AdditionalEventData["grantId"])
	}
	require.Empty(t, grantsOf(t, w, key.ID))
	require.Empty(t, records(t, w))
	require.Empty(t, objects(t, w))
}

func TestN60TheManagedKeyComesWithTheFirstRepository(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	create(t, s, "plain", ecr.EncryptionAES256, "")
	aliases, err := w.Keys.ListAliases(ctx, root, kms.ListAliasesInput{})
	require.NoError(t, err)
	require.Empty(t, aliases.Aliases)
	first, second := create(t, s, "one", ecr.EncryptionKMS, ""), create(t, s, "two", ecr.EncryptionDSSE, "")
	require.Equal(t, first.Encryption.Key, second.Encryption.Key)
	aliases, err = w.Keys.ListAliases(ctx, root, kms.ListAliasesInput{})
	require.NoError(t, err)
	require.Len(t, aliases.Aliases, 1)
	require.Equal(t, "alias/aws/ecr", aliases.Aliases[0].Name)
	content := noise(6, 10)
	require.NoError(t, pushLayer(s, root, "one", content))
	_, err = pullLayer(s, root, "one", ecrtest.Digest(content))
	require.NoError(t, err)
}

func TestN61TheKeyIsOfTheSameRegion(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	elsewhere := root
	elsewhere.Region = "eu-central-1"
	key, err := w.Keys.CreateKey(ctx, elsewhere, kms.CreateKeyInput{})
	require.NoError(t, err)
	for _, named := range []string{key.ARN, key.ID} {
		_, err = s.CreateRepository(ctx, root, ecr.CreateRepositoryInput{Name: name("app"), Encryption: ecr.Encryption{Type: ecr.EncryptionKMS, Key: named}})
		require.Equal(t, "NotFoundException", requireReason(t, err, ecr.KeyUnavailable).KMSCode)
	}
	require.Empty(t, records(t, w))
}

// N62: revoking a grant, whichever, cuts push and pull at once. So does disabling the key.
func TestN62RevokingAGrantCutsPushAndPull(t *testing.T) {
	for _, encryption := range []string{ecr.EncryptionKMS, ecr.EncryptionDSSE} {
		for revoked := range 2 {
			for _, managed := range []bool{false, true} {
				w := ecrtest.New(t)
				s, key := w.Start(), ""
				if !managed {
					key = newKey(t, w).ARN
				}
				r := create(t, s, "app", encryption, key)
				content := noise(7, 70_000)
				digest := pushImage(t, s, "app", "v1", content)
				under, err := s.StartUpload(ctx, root, name("app"))
				require.NoError(t, err)
				_, err = s.Append(ctx, root, name("app"), under, 0, bytes.NewReader(noise(8, 100)))
				require.NoError(t, err)
				require.NoError(t, w.Keys.RevokeGrant(ctx, root, kms.RevokeGrantInput{KeyID: r.Encryption.Key, GrantID: r.Grants[revoked]}))
				requireCut(t, s, content, digest)
				_, err = s.CompleteUpload(ctx, root, name("app"), under, ecrtest.Digest(noise(8, 100)))
				requireReason(t, err, ecr.KeyUnavailable)
				// The proper way out is still open.
				_, err = s.DeleteRepository(ctx, root, name("app"), true)
				require.NoError(t, err)
			}
		}
	}
}

// requireCut expects that neither new nor known content can be pushed, and none pulled.
func requireCut(t *testing.T, s *ecr.Service, content []byte, image string) {
	t.Helper()
	requireReason(t, pushLayer(s, root, "app", []byte("new")), ecr.KeyUnavailable)
	requireReason(t, pushLayer(s, root, "app", content), ecr.KeyUnavailable)
	_, err := pullLayer(s, root, "app", ecrtest.Digest(content))
	requireReason(t, err, ecr.KeyUnavailable)
	_, _, err = s.GetImage(ctx, root, name("app"), ecr.ImageID{Digest: image})
	requireReason(t, err, ecr.KeyUnavailable)
	_, err = s.PutImage(ctx, root, ecr.PutImageInput{Name: name("app"), Content: ecrtest.Manifest([]byte(`{"of":"v1"}`), content), Tags: []string{"v2"}})
	requireReason(t, err, ecr.KeyUnavailable)
}

func TestN62DisablingTheKeyCutsPushAndPull(t *testing.T) {
	w := ecrtest.New(t)
	s, key := w.Start(), newKey(t, w)
	create(t, s, "app", ecr.EncryptionKMS, key.ARN)
	content := noise(9, 70_000)
	digest := pushImage(t, s, "app", "v1", content)
	require.NoError(t, w.Keys.DisableKey(ctx, root, kms.KeyInput{KeyID: key.ID}))
	requireCut(t, s, content, digest)
	require.NoError(t, w.Keys.EnableKey(ctx, root, kms.KeyInput{KeyID: key.ID}))
	got, err := pullLayer(s, root, "app", ecrtest.Digest(content))
	require.NoError(t, err)
	require.Equal(t, content, got)
}

func TestN63ManagedKeyNeedsNoKeyPermissionToCreate(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	creator := ecrtest.User("creator", ecrtest.Allow("ecr:*"))
	_, err := s.CreateRepository(ctx, creator, ecr.CreateRepositoryInput{Name: name("app"), Encryption: ecr.Encryption{Type: ecr.EncryptionKMS}})
	require.NoError(t, err)
	require.NoError(t, pushLayer(s, creator, "app", []byte("layer")))
	// The deleter needs kms:RetireGrant.
	_, err = s.DeleteRepository(ctx, creator, name("app"), false)
	requireReason(t, err, ecr.KeyUnavailable)
	create(t, s, "app", ecr.EncryptionKMS, "")
	_, err = s.DeleteRepository(ctx, ecrtest.User("deleter", ecrtest.Allow("ecr:*", "kms:RetireGrant")), name("app"), false)
	require.NoError(t, err)
}

func TestN64CustomerKeyNeedsCreateGrantAndDescribeKey(t *testing.T) {
	w := ecrtest.New(t)
	s, key := w.Start(), newKey(t, w)
	for _, allowed := range [][]string{{"ecr:*"}, {"ecr:*", "kms:DescribeKey"}, {"ecr:*", "kms:CreateGrant"}} {
		_, err := s.CreateRepository(ctx, ecrtest.User("u", ecrtest.Allow(allowed...)), ecr.CreateRepositoryInput{Name: name("app"), Encryption: ecr.Encryption{Type: ecr.EncryptionKMS, Key: key.ARN}})
		require.Equal(t, "AccessDeniedException", requireReason(t, err, ecr.KeyUnavailable).KMSCode, "%v", allowed)
	}
	require.Empty(t, grantsOf(t, w, key.ID))
	require.Empty(t, records(t, w))
	full := ecrtest.User("u", ecrtest.Allow("ecr:*", "kms:DescribeKey", "kms:CreateGrant"))
	_, err := s.CreateRepository(ctx, full, ecr.CreateRepositoryInput{Name: name("app"), Encryption: ecr.Encryption{Type: ecr.EncryptionKMS, Key: key.ARN}})
	require.NoError(t, err)
	// kms:RetireGrant is a matter of IAM policies only: the key policy does not give it.
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*"}]}`
	require.NoError(t, w.Keys.PutKeyPolicy(ctx, root, kms.PutKeyPolicyInput{KeyID: key.ID, Policy: policy}))
	_, err = s.DeleteRepository(ctx, full, name("app"), false)
	requireReason(t, err, ecr.KeyUnavailable)
	require.Len(t, grantsOf(t, w, key.ID), 2)
}

func TestN65ViaService(t *testing.T) {
	w := ecrtest.New(t)
	s, key := w.Start(), newKey(t, w)
	policy := func(service string) string {
		return `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
			{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["kms:CreateGrant","kms:GenerateDataKey","kms:Decrypt","kms:RetireGrant"],"Resource":"*",
			 "Condition":{"StringNotEquals":{"kms:ViaService":"` + service + `"}}}]}`
	}
	require.NoError(t, w.Keys.PutKeyPolicy(ctx, root, kms.PutKeyPolicyInput{KeyID: key.ID, Policy: policy("rds.us-east-1.amazonaws.com")}))
	_, err := s.CreateRepository(ctx, root, ecr.CreateRepositoryInput{Name: name("app"), Encryption: ecr.Encryption{Type: ecr.EncryptionKMS, Key: key.ARN}})
	requireReason(t, err, ecr.KeyUnavailable)
	require.NoError(t, w.Keys.PutKeyPolicy(ctx, root, kms.PutKeyPolicyInput{KeyID: key.ID, Policy: policy("ecr.us-east-1.amazonaws.com")}))
	create(t, s, "app", ecr.EncryptionKMS, key.ARN)
	require.NoError(t, pushLayer(s, root, "app", []byte("layer")))
	_, err = pullLayer(s, root, "app", ecrtest.Digest([]byte("layer")))
	require.NoError(t, err)
	_, err = s.DeleteRepository(ctx, root, name("app"), false)
	require.NoError(t, err)
}

// N66: what the console asks for to list keys works by these three permissions alone.
func TestN66ListingKeys(t *testing.T) {
	w := ecrtest.New(t)
	key := newKey(t, w)
	viewer := ecrtest.User("viewer", ecrtest.Allow("kms:ListKeys", "kms:ListAliases", "kms:DescribeKey"))
	listed, err := w.Keys.ListKeys(ctx, viewer, kms.ListKeysInput{})
	require.NoError(t, err)
	require.Len(t, listed.Keys, 1)
	_, err = w.Keys.ListAliases(ctx, viewer, kms.ListAliasesInput{})
	require.NoError(t, err)
	_, err = w.Keys.DescribeKey(ctx, viewer, kms.DescribeKeyInput{KeyID: key.ID})
	require.NoError(t, err)
}

func TestN67TheContextHasTwoPairs(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	r := create(t, s, "app/web", ecr.EncryptionKMS, newKey(t, w).ARN)
	content := noise(10, 1000)
	w.Trail.Take()
	require.NoError(t, pushLayer(s, root, "app/web", content))
	_, err := pullLayer(s, root, "app/web", ecrtest.Digest(content))
	require.NoError(t, err)
	events := kmsEvents(w.Trail.Take())
	require.Equal(t, []string{"GenerateDataKey", "Decrypt"}, ecrtest.Names(events))
	require.Equal(t, events[0].RequestParameters["encryptionContext"], events[1].RequestParameters["encryptionContext"])
	pairs := events[0].RequestParameters["encryptionContext"].(map[string]any)
	require.Len(t, pairs, 2)
	require.Equal(t, r.ARN(), pairs["aws:ecr:arn"])
	require.Regexp(t, "^arn:aws:s3:::us-east-1-starport-manifest-bucket/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/"+ecrtest.Digest(content)+"$", pairs["aws:s3:arn"])
}

func TestN68FailedRetirementSaysSo(t *testing.T) {
	w := ecrtest.New(t)
	s, key := w.Start(), newKey(t, w)
	create(t, s, "app/web", ecr.EncryptionKMS, key.ARN)
	_, err := s.DeleteRepository(ctx, ecrtest.User("deleter", ecrtest.Allow("ecr:*")), name("app/web"), false)
	e := requireReason(t, err, ecr.KeyUnavailable)
	require.Equal(t, "The repository [app/web] has been deleted successfully but the grants created by the kmsKey ["+key.ARN+"] failed to be retired", e.Message)
	require.Equal(t, "AccessDeniedException", e.KMSCode)
	_, err = s.Describe(ctx, root, "", []string{"app/web"})
	requireReason(t, err, ecr.RepositoryNotFound)
	require.Empty(t, records(t, w))
}

func TestN69GrantsAreFoundAndRetiredByHand(t *testing.T) {
	w := ecrtest.New(t)
	s, key := w.Start(), newKey(t, w)
	r := create(t, s, "app", ecr.EncryptionKMS, key.ARN)
	create(t, s, "other", ecr.EncryptionKMS, key.ARN)
	var own []kms.Grant
	for _, g := range grantsOf(t, w, key.ID) {
		if g.EncryptionContextSubset["aws:ecr:arn"] == r.ARN() {
			own = append(own, g)
		}
	}
	require.Len(t, own, 2)
	for _, g := range own {
		require.Equal(t, map[string]string{"aws:ecr:arn": r.ARN()}, g.EncryptionContextSubset)
		require.NoError(t, w.Keys.RetireGrant(ctx, root, kms.RetireGrantInput{KeyID: key.ARN, GrantID: g.ID}))
	}
	requireReason(t, pushLayer(s, root, "app", []byte("layer")), ecr.KeyUnavailable)
	require.NoError(t, pushLayer(s, root, "other", []byte("layer")))
}
