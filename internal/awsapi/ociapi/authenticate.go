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
	user, password, given := x.http.BasicAuth()
	if !given {
		return unauthorized("authentication required")
	}
	token, err := h.o.Tokens.open(password, x.now)
	switch {
	case errors.Is(err, errTokenExpired):
		return unauthorized("Your authorization token has expired. Reauthenticate and try again.")
	case err != nil || user != User:
		return unauthorized("Not Authorized")
	}
	x.caller.AccessKeyID = token.AccessKeyID
	credential, err := h.o.Credentials.Lookup(x.http.Context(), token.AccessKeyID, token.SessionToken)
	if errors.Is(err, awsapi.ErrUnknownKey) || errors.Is(err, awsapi.ErrInvalidToken) || errors.Is(err, awsapi.ErrExpiredToken) {
		return unauthorized("Not Authorized")
	}
	if err != nil {
		return err
	}
	p := credential.Principal
	x.caller = kms.Caller{
		Account: p.Account, ARN: p.ARN, RoleARN: p.RoleARN, UserID: p.UserID, UserName: p.UserName, Type: p.Type, Tags: p.Tags,
		Policies: p.Policies, SessionPolicies: p.SessionPolicies, SessionStarted: p.SessionStarted, AccessKeyID: token.AccessKeyID,
		Region: token.Region, SourceIP: x.caller.SourceIP, UserAgent: x.caller.UserAgent, RequestID: x.caller.RequestID, Insecure: x.caller.Insecure,
	}
	x.name.Registry = token.Registry
	if account, region, ok := registryOfHost(x.http.Host); ok {
		x.name.Registry, x.caller.Region = account, region
	}
	return nil
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
