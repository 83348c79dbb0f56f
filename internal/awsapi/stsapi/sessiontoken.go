package stsapi

import (
	"context"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

// defaultSessionToken is how long GetSessionToken's credentials last unless asked
// otherwise; the account root's never last longer than iam.DefaultMaxSession.
const defaultSessionToken = 12 * time.Hour

// credentials are temporary credentials in an answer.
type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string `xml:"SecretAccessKey"`
	SessionToken    string `xml:"SessionToken"`
	Expiration      string `xml:"Expiration"`
}

func credentialsOf(s iam.Session) credentials {
	return credentials{s.AccessKeyID, s.Secret, s.Token, s.Expires.UTC().Format("2006-01-02T15:04:05Z")}
}

// mfa are the members by which a caller proves a second factor; there is none here.
type mfa struct {
	SerialNumber string `api:"SerialNumber" len:"9..256" pattern:"[\\w+=/:,.@-]*"`
	TokenCode    string `api:"TokenCode,sensitive" len:"6..6" pattern:"[\\d]*"`
}

func (in *mfa) refuse() error {
	if in.SerialNumber != "" || in.TokenCode != "" {
		return accessDenied("MultiFactorAuthentication failed, unable to validate MFA code.")
	}
	return nil
}

type getSessionTokenInput struct {
	DurationSeconds int `api:"DurationSeconds" range:"900..129600"`
	mfa
}

type getSessionTokenOutput struct {
	Credentials credentials `xml:"Credentials"`
}

// getSessionToken needs no permission, as on AWS.
func (a *api) getSessionToken(ctx context.Context, r *awsapi.Request, in *getSessionTokenInput) (any, error) {
	if err := in.refuse(); err != nil {
		return nil, err
	}
	if r.Principal.Type == string(iam.AssumedRole) || !r.Principal.SessionStarted.IsZero() {
		return nil, accessDenied("Cannot call GetSessionToken with session credentials")
	}
	spec := iam.SessionSpec{Account: r.Principal.Account, Duration: time.Duration(in.DurationSeconds) * time.Second}
	if spec.Duration == 0 {
		spec.Duration = defaultSessionToken
	}
	if r.Principal.Type == string(iam.IAMUser) {
		spec.User = r.Principal.UserName
	} else {
		spec.Duration = min(spec.Duration, iam.DefaultMaxSession)
	}
	s, err := a.directory.IssueSession(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &getSessionTokenOutput{credentialsOf(s)}, nil
}
