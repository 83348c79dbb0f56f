package ociapi

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
	"coffer.example/kms"
)

// authenticate finds out who calls, and which registry they mean.
func (h *Handler) authenticate(x *exchange) error {
	switch {
	case isSigned(x.http):
		return h.authenticateSigned(x)
	case x.http.URL.Query().Has(tokenParameter):
		return h.authenticateURL(x)
	}
	user, password, given := x.http.BasicAuth()
	if !given {
		return unauthorized("authentication required")
	}
	token, err := h.o.Tokens.open(password, x.now)
	if err == nil && user != User {
		err = errToken
	}
	if err != nil {
		return tokenRefusal(err)
	}
	return h.admitToken(x, token)
}

func tokenRefusal(err error) error {
	if errors.Is(err, errTokenExpired) {
		return unauthorized("Your authorization token has expired. Reauthenticate and try again.")
	}
	return unauthorized("Not Authorized")
}

// authenticateURL admits the one request that a sealed URL is for.
func (h *Handler) authenticateURL(x *exchange) error {
	token, err := h.o.Tokens.openURL(x.http.URL.Query().Get(tokenParameter), x.http.URL.Path, x.now)
	if err == nil && x.http.Method != http.MethodGet && x.http.Method != http.MethodHead {
		err = errToken
	}
	if err != nil {
		return tokenRefusal(err)
	}
	return h.admitToken(x, token)
}

// admitToken makes the holder of a token the caller, as their access key is now.
func (h *Handler) admitToken(x *exchange, token *token) error {
	credential, err := h.lookup(x, token.AccessKeyID, token.SessionToken)
	if err != nil {
		return err
	}
	x.admit(credential, token.Region, token.Registry)
	return nil
}

// lookup finds what an access key stands for.
func (h *Handler) lookup(x *exchange, accessKeyID, sessionToken string) (awsapi.Credential, error) {
	x.caller.AccessKeyID = accessKeyID
	credential, err := h.o.Credentials.Lookup(x.ctx(), accessKeyID, sessionToken)
	if errors.Is(err, awsapi.ErrUnknownKey) || errors.Is(err, awsapi.ErrInvalidToken) || errors.Is(err, awsapi.ErrExpiredToken) {
		err = unauthorized("Not Authorized")
	}
	return credential, err
}

// admit makes the principal of a credential the caller, for a registry in a Region; a host name that says which goes first.
func (x *exchange) admit(credential awsapi.Credential, region, registry string) {
	p := credential.Principal
	x.caller = kms.Caller{
		Account: p.Account, ARN: p.ARN, RoleARN: p.RoleARN, UserID: p.UserID, UserName: p.UserName, Type: p.Type, Tags: p.Tags,
		Policies: p.Policies, SessionPolicies: p.SessionPolicies, Boundary: p.Boundary, SessionStarted: p.SessionStarted, AccessKeyID: x.caller.AccessKeyID,
		Region: region, SourceIP: x.caller.SourceIP, UserAgent: x.caller.UserAgent, RequestID: x.caller.RequestID, Insecure: x.caller.Insecure,
	}
	x.name.Registry = registry
	if account, region, ok := registryOfHost(x.http.Host); ok {
		x.name.Registry, x.caller.Region = account, region
	}
}

// regionBytes are what a Region's name may have.
const regionBytes = "abcdefghijklmnopqrstuvwxyz0123456789-"

// registryOfHost reads a host name ACCOUNT.dkr.ecr.REGION.….
func registryOfHost(host string) (account, region string, ok bool) {
	account, rest, ok := strings.Cut(host, ".dkr.ecr.")
	region, _, more := strings.Cut(rest, ".")
	return account, region, ok && more && iam.IsAccountID(account) && region != "" && strings.Trim(region, regionBytes) == ""
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// challenge is the header of an answer to a request that is not authenticated.
func challenge(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return `Basic realm="` + scheme + "://" + strings.Map(hostByte, r.Host) + `/",service="ecr.amazonaws.com"`
}

// hostByte keeps what a host name may have.
func hostByte(c rune) rune {
	if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]", c) {
		return c
	}
	return -1
}
