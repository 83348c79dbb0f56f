package rds

import (
	"context"
	"errors"

	"coffer.example/kms"
)

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
