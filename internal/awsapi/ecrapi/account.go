package ecrapi

import (
	"context"
	"encoding/base64"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/ociapi"
)

func (a *api) registry() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"GetAuthorizationToken":            read(a.getAuthorizationToken),
		"DescribeRegistry":                 read(a.describeRegistry),
		"GetRegistryScanningConfiguration": read(a.getRegistryScanningConfiguration),
	}
}

type getAuthorizationTokenInput struct {
	RegistryIDs []string `api:"registryIds" len:"1..10" elem_pattern:"[0-9]{12}"`
}

type authorizationData struct {
	Token         string         `json:"authorizationToken"`
	ExpiresAt     awsapi.Seconds `json:"expiresAt"`
	ProxyEndpoint string         `json:"proxyEndpoint"`
}

func (a *api) getAuthorizationToken(_ context.Context, r *awsapi.Request, in *getAuthorizationTokenInput) (any, error) {
	if err := a.ecr.Authorize(r.Caller(), "ecr:GetAuthorizationToken"); err != nil {
		return nil, err
	}
	registries := in.RegistryIDs
	if registries == nil {
		registries = []string{r.Principal.Account}
	}
	scheme := "http://"
	if r.HTTP.TLS != nil {
		scheme = "https://"
	}
	var out struct {
		Data []authorizationData `json:"authorizationData"`
	}
	for _, account := range registries {
		password, expires, err := a.tokens.Issue(r, account)
		if err != nil {
			return nil, err
		}
		out.Data = append(out.Data, authorizationData{
			Token: base64.StdEncoding.EncodeToString([]byte(ociapi.User + ":" + password)), ExpiresAt: awsapi.Seconds(expires), ProxyEndpoint: scheme + r.HTTP.Host,
		})
	}
	return out, nil
}

type none struct{}

func (a *api) describeRegistry(_ context.Context, r *awsapi.Request, _ *none) (any, error) {
	if err := a.ecr.Authorize(r.Caller(), "ecr:DescribeRegistry"); err != nil {
		return nil, err
	}
	return map[string]any{"registryId": r.Principal.Account, "replicationConfiguration": map[string]any{"rules": []string{}}}, nil
}

func (a *api) getRegistryScanningConfiguration(_ context.Context, r *awsapi.Request, _ *none) (any, error) {
	if err := a.ecr.Authorize(r.Caller(), "ecr:GetRegistryScanningConfiguration"); err != nil {
		return nil, err
	}
	return map[string]any{"registryId": r.Principal.Account, "scanningConfiguration": map[string]any{"scanType": "BASIC", "rules": []string{}}}, nil
}
