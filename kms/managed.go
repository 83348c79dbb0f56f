package kms

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"coffer.example/internal/meta"
)

// managedService is a service that has an AWS managed key in every account and Region
// where it is used: alias/aws/NAME.
type managedService struct {
	name        string // ebs
	principal   string // the service in kms:ViaService: ec2
	description string
}

func managedServices() []managedService {
	return []managedService{
		{"ebs", "ec2", "Default key that protects my EBS volumes when no other key is defined"},
		{"rds", "rds", "Default key that protects my RDS database volumes when no other key is defined"},
		{"ecr", "ecr", "Default key that protects my ECR data when no other key is defined"},
		{"s3", "s3", "Default key that protects my S3 objects when no other key is defined"},
	}
}

// managedTarget makes the AWS managed key of a predefined alias on its first use.
func (k *KMS) managedTarget(ctx context.Context, account, region, alias string) (string, error) {
	notFound := refuse(ErrNotFound, "Alias %s is not found.", aliasARN(account, region, alias))
	name, ok := strings.CutPrefix(alias, reservedAliases)
	if !ok {
		return "", notFound
	}
	for _, s := range managedServices() {
		if s.name == name {
			return k.createManaged(ctx, account, region, alias, s)
		}
	}
	return "", notFound
}

func (k *KMS) createManaged(ctx context.Context, account, region, alias string, s managedService) (string, error) {
	now := k.now()
	rec := &keyRecord{
		Account: account, Region: region, Description: s.description, Usage: usageEncrypt, Spec: specSymmetric,
		Origin: originKMS, Manager: managerAWS, Service: s.name, State: Enabled, Policy: managedPolicy(account, region, s),
		Rotation: rotation{Enabled: true, PeriodDays: defaultRotation, Next: now.AddDate(0, 0, defaultRotation)},
	}
	t := newTxn()
	if err := k.stageNewKey(t, rec); err != nil {
		return "", err
	}
	name := prefixAliases(account, region) + alias
	t.set(name, aliasRecord{KeyID: rec.ID, Created: now, Updated: now})
	t.absent(name)
	t.mark(prefixAliasesOf(rec.ID) + alias)
	err := k.commit(ctx, t)
	if errors.Is(err, meta.ErrConflict) { // another request was first
		var other aliasRecord
		_, err = k.get(ctx, name, &other)
		return other.KeyID, err
	}
	return rec.ID, err
}

// managedPolicy lets everyone in the account use the key through the service, and the
// account look at it. Nothing lets anyone change it.
func managedPolicy(account, region string, s managedService) string {
	return fmt.Sprintf(`{
  "Version" : "2012-10-17",
  "Id" : "auto-%s-2",
  "Statement" : [ {
    "Sid" : "Allow access through %s for all principals in the account that are authorized to use %s",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "*"
    },
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {
      "StringEquals" : {
        "kms:CallerAccount" : "%s",
        "kms:ViaService" : "%s.%s.amazonaws.com"
      }
    }
  }, {
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "%s"
    },
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  } ]
}`, s.name, strings.ToUpper(s.name), strings.ToUpper(s.name), account, s.principal, region, rootARN(account))
}
