package stsapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

type tag struct {
	Key   string `api:"Key,required" len:"1..128" pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"`
	Value string `api:"Value,required" len:"0..256" pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*"`
}

type policyDescriptor struct {
	ARN string `api:"arn" len:"20..2048"`
}

type providedContext struct {
	ProviderARN      string `api:"ProviderArn" len:"20..2048"`
	ContextAssertion string `api:"ContextAssertion,sensitive" len:"4..2048"`
}

type assumeRoleInput struct {
	RoleARN         string             `api:"RoleArn,required" len:"20..2048"`
	RoleSessionName string             `api:"RoleSessionName,required" len:"2..64" pattern:"[\\w+=,.@-]*"`
	PolicyARNs      []policyDescriptor `api:"PolicyArns"`
	Policy          string             `api:"Policy,sensitive" len:"1..2048" pattern:"[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+"`
	DurationSeconds int                `api:"DurationSeconds" range:"900..43200"`
	Tags            []tag              `api:"Tags" len:"0..50"`
	TransitiveTags  []string           `api:"TransitiveTagKeys" len:"0..50" elem_len:"1..128" elem_pattern:"[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"`
	ExternalID      string             `api:"ExternalId" len:"2..1224" pattern:"[\\w+=,.@:\\/-]*"`
	mfa
	SourceIdentity   string            `api:"SourceIdentity" len:"2..64" pattern:"[\\w+=,.@-]*"`
	ProvidedContexts []providedContext `api:"ProvidedContexts" len:"0..5"`
}

type assumedRoleUser struct {
	AssumedRoleID string `xml:"AssumedRoleId"`
	ARN           string `xml:"Arn"`
}

type assumeRoleOutput struct {
	AssumedRoleUser assumedRoleUser `xml:"AssumedRoleUser"`
	Credentials     credentials     `xml:"Credentials"`
}

func (a *api) assumeRole(ctx context.Context, r *awsapi.Request, in *assumeRoleInput) (any, error) {
	if err := in.refuse(); err != nil {
		return nil, err
	}
	if len(in.TransitiveTags) > 0 || in.SourceIdentity != "" || len(in.ProvidedContexts) > 0 {
		return nil, awsapi.Errorf("ValidationError", "TransitiveTagKeys, SourceIdentity and ProvidedContexts are not supported by this endpoint.")
	}
	tags, err := in.tags()
	if err != nil {
		return nil, err
	}
	role, err := a.trusted(ctx, r, in, tags)
	if err != nil {
		return nil, err
	}
	spec := iam.SessionSpec{
		Account: role.Account, Role: role.Name, Name: in.RoleSessionName, Tags: tags,
		Duration: time.Duration(in.DurationSeconds) * time.Second,
	}
	if in.DurationSeconds == 0 {
		spec.Duration = iam.DefaultMaxSession
	}
	if spec.Duration > role.MaxSessionDuration {
		return nil, awsapi.Errorf("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if r.Principal.Type == string(iam.AssumedRole) && spec.Duration > iam.DefaultMaxSession {
		return nil, awsapi.Errorf("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	if in.Policy != "" {
		spec.Policies = []string{in.Policy}
	}
	for _, p := range in.PolicyARNs {
		spec.PolicyARNs = append(spec.PolicyARNs, p.ARN)
	}
	s, err := a.directory.IssueSession(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &assumeRoleOutput{assumedRoleUser{s.Principal.UserID, s.Principal.ARN}, credentialsOf(s)}, nil
}

func (in *assumeRoleInput) tags() (map[string]string, error) {
	out := make(map[string]string, len(in.Tags))
	for _, t := range in.Tags {
		if _, ok := out[t.Key]; ok {
			return nil, awsapi.Errorf("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		out[t.Key] = t.Value
	}
	return out, nil
}

// trusted returns the role if the caller may assume it. A role that does not exist is
// refused like one that does not trust the caller.
func (a *api) trusted(ctx context.Context, r *awsapi.Request, in *assumeRoleInput, tags map[string]string) (*iam.Entity, error) {
	denied := accessDenied("User: " + r.Principal.ARN + " is not authorized to perform: sts:AssumeRole on resource: " + in.RoleARN)
	arn, ok := iam.ParseARN(in.RoleARN)
	if !ok || arn.Service != "iam" || !strings.HasPrefix(arn.Resource, "role/") {
		return nil, awsapi.Errorf("ValidationError", "%s is invalid", in.RoleARN)
	}
	if r.Principal.Type == string(iam.Root) {
		return nil, accessDenied("Roles may not be assumed by root accounts.")
	}
	name := arn.Resource[strings.LastIndexByte(arn.Resource, '/')+1:]
	role, err := a.directory.Get(ctx, iam.Ref{Kind: iam.Role, Account: arn.Account, Name: name})
	switch {
	case errors.Is(err, iam.ErrNotFound), errors.Is(err, iam.ErrInvalid), err == nil && role.ARN() != in.RoleARN:
		return nil, denied
	case err != nil:
		return nil, err
	}
	trust, err := iam.Parse(iam.TrustPolicy, []byte(role.Trust))
	if err != nil {
		return nil, err
	}
	actions := []string{"sts:AssumeRole"}
	if len(tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	for _, action := range actions {
		decision, _, err := a.auth.Decide(r, awsapi.Access{
			Action: action, Resource: in.RoleARN, Owner: role.Account, Rule: iam.ResourceDecides, Policy: trust, Keys: in.keys(tags, role.Tags),
		})
		if err != nil {
			return nil, err
		}
		if !decision.Allowed {
			return nil, denied
		}
	}
	return &role, nil
}

// keys are the condition keys of AssumeRole.
func (in *assumeRoleInput) keys(tags, roleTags map[string]string) iam.KeyMap {
	keys := iam.KeyMap{"sts:rolesessionname": {in.RoleSessionName}}
	if in.ExternalID != "" {
		keys["sts:externalid"] = []string{in.ExternalID}
	}
	for key, value := range tags {
		keys["aws:requesttag/"] = append(keys["aws:requesttag/"], key+"="+value)
		keys["aws:tagkeys"] = append(keys["aws:tagkeys"], key)
	}
	for key, value := range roleTags {
		keys["aws:resourcetag/"] = append(keys["aws:resourcetag/"], key+"="+value)
	}
	return keys
}
