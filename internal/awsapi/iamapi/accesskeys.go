package iamapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

func (a *api) accessKeys() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"CreateAccessKey": op(a, createAccessKey),
		"ListAccessKeys":  read(a, listAccessKeys),
		"UpdateAccessKey": op(a, updateAccessKey),
		"DeleteAccessKey": op(a, deleteAccessKey),
	}
}

// ownUser names a user; without a name it is the caller.
type ownUser struct {
	UserName string `api:"UserName" len:"1..128"`
}

// ownAttachedUser is an ownUser in the operations whose model allows less.
type ownAttachedUser struct {
	UserName string `api:"UserName" len:"1..64"`
}

func (in *ownAttachedUser) arn(ctx context.Context, c *call) (string, error) {
	return (*ownUser)(in).arn(ctx, c)
}

func (in *ownAttachedUser) needUser(c *call) (string, error) { return (*ownUser)(in).needUser(c) }

func (in *ownUser) user(c *call) string {
	if in.UserName == "" && c.Principal.Type == string(iam.IAMUser) {
		return c.Principal.UserName
	}
	return in.UserName
}

func (in *ownUser) arn(ctx context.Context, c *call) (string, error) {
	return c.entityARN(ctx, c.ref(iam.User, in.user(c)))
}

// needUser refuses the account root, whose keys this API does not manage.
func (in *ownUser) needUser(c *call) (string, error) {
	name := in.user(c)
	if name == "" {
		return "", awsapi.Errorf("ValidationError", "Must specify userName when calling with non-User credentials")
	}
	return name, nil
}

type accessKey struct {
	UserName        string `xml:"UserName"`
	AccessKeyID     string `xml:"AccessKeyId"`
	Status          string `xml:"Status"`
	SecretAccessKey string `xml:"SecretAccessKey,omitempty"` // at creation alone
	CreateDate      string `xml:"CreateDate"`
}

const (
	statusActive   = "Active"
	statusInactive = "Inactive"
)

func accessKeyOf(k *iam.AccessKey) accessKey {
	status := statusActive
	if !k.Active {
		status = statusInactive
	}
	return accessKey{k.User, k.ID, status, k.Secret, stamp(k.Created)}
}

type createAccessKeyOutput struct {
	AccessKey accessKey `xml:"AccessKey"`
}

func createAccessKey(ctx context.Context, c *call, in *ownUser) (any, error) {
	user, err := in.needUser(c)
	if err != nil {
		return nil, err
	}
	k, err := c.directory.CreateAccessKey(ctx, c.Principal.Account, user)
	if err != nil {
		return nil, err
	}
	return &createAccessKeyOutput{accessKeyOf(&k)}, nil
}

type listAccessKeysInput struct {
	ownUser
	paging
}

type listAccessKeysOutput struct {
	UserName          string                    `xml:"UserName"`
	AccessKeyMetadata awsapi.Members[accessKey] `xml:"AccessKeyMetadata"`
	truncation
}

func listAccessKeys(ctx context.Context, c *call, in *listAccessKeysInput) (any, error) {
	user, err := in.needUser(c)
	if err != nil {
		return nil, err
	}
	keys, err := c.directory.ListAccessKeys(ctx, c.Principal.Account, user)
	if err != nil {
		return nil, err
	}
	return &listAccessKeysOutput{user, list(keys, accessKeyOf), whole}, nil
}

type accessKeyInput struct {
	ownUser
	AccessKeyID string `api:"AccessKeyId,required" len:"16..128"`
}

type updateAccessKeyInput struct {
	accessKeyInput
	Status string `api:"Status,required" enum:"Active|Inactive|Expired"`
}

func updateAccessKey(ctx context.Context, c *call, in *updateAccessKeyInput) (any, error) {
	user, err := in.needUser(c)
	if err != nil {
		return nil, err
	}
	if in.Status != statusActive && in.Status != statusInactive { // the model has Expired, which only an answer can say
		return nil, awsapi.Errorf("ValidationError", "Status must be Active or Inactive.")
	}
	return nil, c.directory.SetAccessKeyActive(ctx, c.Principal.Account, user, in.AccessKeyID, in.Status == statusActive)
}

func deleteAccessKey(ctx context.Context, c *call, in *accessKeyInput) (any, error) {
	user, err := in.needUser(c)
	if err != nil {
		return nil, err
	}
	return nil, c.directory.DeleteAccessKey(ctx, c.Principal.Account, user, in.AccessKeyID)
}
