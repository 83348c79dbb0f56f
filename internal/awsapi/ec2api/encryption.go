package ec2api

import (
	"context"
)

func encryptionOperations() map[string]operation {
	return map[string]operation{
		"GetEbsEncryptionByDefault":     {run: getEncryptionByDefault, readOnly: true},
		"EnableEbsEncryptionByDefault":  {run: setEncryptionByDefault(true)},
		"DisableEbsEncryptionByDefault": {run: setEncryptionByDefault(false)},
		"GetEbsDefaultKmsKeyId":         {run: getDefaultKey, readOnly: true},
		"ModifyEbsDefaultKmsKeyId":      {run: modifyDefaultKey},
		"ResetEbsDefaultKmsKeyId":       {run: resetDefaultKey},
	}
}

type byDefault struct {
	On      bool   `xml:"ebsEncryptionByDefault"`
	SSEType string `xml:"sseType,omitempty"`
}

func getEncryptionByDefault(ctx context.Context, c *call) (any, error) {
	if err := c.Done(); err != nil {
		return nil, err
	}
	on, err := c.api.ec2.EncryptionByDefault(ctx, c.caller)
	if on {
		return byDefault{on, "sse-kms"}, err
	}
	return byDefault{on, "none"}, err
}

func setEncryptionByDefault(on bool) func(ctx context.Context, c *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		if err := c.settle(); err != nil {
			return nil, err
		}
		return byDefault{On: on}, c.api.ec2.SetEncryptionByDefault(ctx, c.caller, on)
	}
}

type defaultKey struct {
	KeyID string `xml:"kmsKeyId"`
}

func getDefaultKey(ctx context.Context, c *call) (any, error) {
	if err := c.Done(); err != nil {
		return nil, err
	}
	key, err := c.api.ec2.DefaultKey(ctx, c.caller)
	return defaultKey{key}, err
}

func modifyDefaultKey(ctx context.Context, c *call) (any, error) {
	key := c.Required("KmsKeyId")
	if err := c.settle(); err != nil {
		return nil, err
	}
	key, err := c.api.ec2.SetDefaultKey(ctx, c.caller, key)
	return defaultKey{key}, err
}

func resetDefaultKey(ctx context.Context, c *call) (any, error) {
	if err := c.settle(); err != nil {
		return nil, err
	}
	key, err := c.api.ec2.SetDefaultKey(ctx, c.caller, "")
	return defaultKey{key}, err
}
