package ecr

import (
	"context"
	"strings"
)

// KeyUses calls emit with every repository under a KMS key, of all accounts in the
// key's Region: what it is, whose, its name and its state. It asks no policy: it is for
// the operator.
func (s *Service) KeyUses(ctx context.Context, keyARN string, emit func(kind, account, id, state string) error) error {
	parts := strings.SplitN(keyARN, ":", 5)
	if len(parts) != 5 {
		return nil
	}
	return scan(ctx, s.store, repoPrefix+parts[3]+"/", "", func(_ string, r *Repository) error {
		if r.Encryption.Key != keyARN {
			return nil
		}
		return emit("repository", r.Account, r.Name, "")
	})
}
