package rds

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"coffer.example/blockstore"
	"coffer.example/kms"
)

// managedKey is the alias of the key of encrypted databases that name none; KMS makes the
// key when it is first used.
const managedKey = "alias/aws/rds"

// infrastructureRole is the role that uses the keys of databases; the session is the database's resource id.
const infrastructureRole = "aws:rds-infrastructure"

// The encryption context of a use of a database's key: the first always, the second for a volume.
const (
	contextDatabase = "aws:rds:db-id"
	contextVolume   = "aws:ebs:id"
)

func viaService(region string) string { return "rds." + region + ".amazonaws.com" }

// forService is the caller as the key store of a Region sees it when this service calls for them.
func forService(c kms.Caller, region string) kms.Caller {
	c.Region, c.ViaService = region, viaService(region)
	return c
}

// role is who uses keys for a database or a copy: it has no policy, so that only grants let it in.
func role(region, owner, id string) kms.Caller {
	via := viaService(region)
	return kms.Caller{
		Account: owner, Region: region, ARN: roleARN(owner, id), UserID: owner + ":" + infrastructureRole + ":" + id,
		UserName: infrastructureRole, Type: "AssumedRole", ViaService: via, SourceIP: via, UserAgent: via,
	}
}

func roleARN(owner, id string) string {
	return "arn:aws:sts::" + owner + ":assumed-role/" + infrastructureRole + "/" + id
}

func (d Database) role() kms.Caller { return role(d.Region, d.Owner, d.ResourceID) }

// keyring acts as the role, nil for an engine object that no KMS key guards.
func (s *Service) keyring(as kms.Caller, keyARN string) blockstore.Keyring {
	if keyARN == "" {
		return nil
	}
	return s.keys.KeyringFor(as)
}

func databaseContext(id string) map[string]string { return map[string]string{contextDatabase: id} }

func volumeContext(id, volume string) map[string]string {
	return map[string]string{contextDatabase: id, contextVolume: volume}
}

// key is a KMS key that a request has named.
type key struct {
	arn     string
	managed bool
}

// resolveKey finds the key that a caller names, as the caller.
func (s *Service) resolveKey(ctx context.Context, c kms.Caller, name string) (key, error) {
	if name == "" {
		name = managedKey
	}
	found, err := s.keys.DescribeKey(ctx, forService(c, c.Region), kms.DescribeKeyInput{KeyID: name})
	switch {
	case err != nil:
		return key{}, notAccessible("Specified", name, err)
	case found.Region != c.Region, found.State != kms.Enabled, found.Usage != "ENCRYPT_DECRYPT":
		return key{}, notAccessible("Specified", name, &kms.Error{Kind: kms.ErrInvalidState, Message: found.ARN + " is no enabled encryption key of " + c.Region + "."})
	}
	return key{found.ARN, found.Manager == "AWS"}, nil
}

// notAccessible turns a refusal of the key store into the one of this service; the key
// store's own failures stay what they are.
func notAccessible(which, name string, err error) error {
	if !keyRefused(err) {
		return err
	}
	end := "access it."
	if which == "The source snapshot" {
		end = "access it"
	}
	return &Error{
		Reason: KeyNotAccessible, Cause: err,
		Message: fmt.Sprintf("%s KMS key [%s] does not exist, is not enabled or you do not have permissions to %s", which, name, end),
	}
}

// keyRefused says whether the key store has refused, rather than failed.
func keyRefused(err error) bool {
	var refusal *kms.Error
	return errors.As(err, &refusal) && !errors.Is(err, kms.ErrInternal)
}

// keyMessage is the key store's own sentence.
func keyMessage(err error) string {
	var refusal *kms.Error
	if errors.As(err, &refusal) && refusal.Message != "" {
		return refusal.Message
	}
	return err.Error()
}

// What grants let the role do: with the key of a database or copy, and with a key that is borrowed to read a source.
func ownUses() []string {
	return []string{"Decrypt", "GenerateDataKeyWithoutPlaintext", "ReEncryptTo"}
}
func sourceUses() []string { return []string{"Decrypt", "ReEncryptFrom"} }

// lend has the caller make the grant by which the role of id uses a key on what belongs to a database.
func (s *Service) lend(ctx context.Context, c kms.Caller, keyARN, id, database, purpose string, uses []string) (string, error) {
	out, err := s.keys.CreateGrant(ctx, forService(c, regionOf(keyARN)), kms.CreateGrantInput{
		KeyID: keyARN, GranteePrincipal: roleARN(c.Account, id), RetiringPrincipal: roleARN(c.Account, id),
		Operations: uses, EncryptionContextSubset: databaseContext(database), Name: "rds/" + id + "/" + purpose,
	})
	if err != nil {
		return "", err
	}
	return out.GrantID, nil
}

// giveBack retires a grant of the role of id. One whose id was not recorded is looked for;
// one that is gone, as when its key is, is retired.
func (s *Service) giveBack(ctx context.Context, owner, id string, loan Loan) error {
	if loan.KeyARN == "" {
		return nil
	}
	if loan.GrantID == "" {
		return s.giveBackUnrecorded(ctx, owner, id, loan.KeyARN)
	}
	err := s.keys.RetireGrant(ctx, role(regionOf(loan.KeyARN), owner, id), kms.RetireGrantInput{KeyID: loan.KeyARN, GrantID: loan.GrantID})
	if errors.Is(err, kms.ErrNotFound) || errors.Is(err, kms.ErrInvalidGrantID) {
		return nil
	}
	return err
}

func (s *Service) giveBackUnrecorded(ctx context.Context, owner, id, keyARN string) error {
	region, account := regionOf(keyARN), accountOf(keyARN)
	lister := kms.Caller{
		Account: account, Region: region, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Type: "Root",
		ViaService: viaService(region), SourceIP: viaService(region), UserAgent: viaService(region),
	}
	marker := ""
	for {
		out, err := s.keys.ListRetirableGrants(ctx, lister, kms.ListRetirableGrantsInput{RetiringPrincipal: roleARN(owner, id), Page: kms.Page{Marker: marker}})
		if err != nil {
			return err
		}
		for _, g := range out.Grants {
			if g.KeyID == keyARN {
				if err := s.giveBack(ctx, owner, id, Loan{keyARN, g.ID}); err != nil {
					return err
				}
			}
		}
		if marker = out.Next.Marker; marker == "" {
			return nil
		}
	}
}

// newKeyCheck draws the data key by which a database's key is checked, as its role.
func (s *Service) newKeyCheck(ctx context.Context, d Database) ([]byte, error) {
	out, err := s.keys.GenerateDataKeyWithoutPlaintext(ctx, d.role(), kms.GenerateDataKeyInput{
		KeyID: d.KeyARN, KeySpec: "AES_256", EncryptionContext: databaseContext(d.ResourceID),
	})
	if err != nil {
		return nil, err
	}
	return out.CiphertextBlob, nil
}

// checkKey uses a database's key: it refuses when the key, or the grant of whoever made the database, is gone.
func (s *Service) checkKey(ctx context.Context, d Database) error {
	if !d.Encrypted() {
		return nil
	}
	granted, err := s.keys.GrantExists(ctx, d.KeyARN, d.GrantID)
	if err != nil {
		return err
	}
	if !granted {
		return &kms.Error{Kind: kms.ErrAccessDenied, Message: "The grant of " + d.ARN() + " on its key " + d.KeyARN + " is gone."}
	}
	out, err := s.keys.Decrypt(ctx, d.role(), kms.DecryptInput{CiphertextBlob: d.KeyCheck, EncryptionContext: databaseContext(d.ResourceID)})
	if err != nil {
		return err
	}
	clear(out.Plaintext)
	return nil
}

// regionOf and accountOf read an ARN of KMS: arn:aws:kms:REGION:ACCOUNT:key/ID.
func regionOf(keyARN string) string  { return strings.Split(keyARN+":::::", ":")[3] }
func accountOf(keyARN string) string { return strings.Split(keyARN+":::::", ":")[4] }
