package awsapi

import "context"

const (
	// devKey is the access key of the account of zeros, and every secret of --dev.
	devKey     = "test"
	devAccount = "000000000000"
)

// DevCredentials are the credentials of `coffer serve --dev`: the access key "test" is
// the root of account 000000000000, any access key of 12 digits the root of that
// account, all with the secret "test". Other keys are Next's. It is as good as no
// authentication, which is why --dev serves loopback only.
type DevCredentials struct{ Next Credentials }

// Lookup implements Credentials.
func (d DevCredentials) Lookup(ctx context.Context, accessKeyID, sessionToken string) (Credential, error) {
	account := accessKeyID
	if accessKeyID == devKey {
		account = devAccount
	}
	if !isAccountID(account) {
		return d.Next.Lookup(ctx, accessKeyID, sessionToken)
	}
	// Clients configured for other emulators often carry a token too; it says nothing here.
	return Credential{Secret: devKey, Principal: Principal{
		Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Type: "Root",
	}}, nil
}

func isAccountID(s string) bool {
	if len(s) != 12 {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
