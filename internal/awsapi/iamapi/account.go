package iamapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
)

func (a *api) account() map[string]awsapi.Operation {
	return map[string]awsapi.Operation{
		"GetAccountSummary":  read(a, getAccountSummary),
		"ListAccountAliases": read(a, listAccountAliases),
	}
}

type noInput struct{}

type summaryEntry struct {
	Key   string `xml:"key"`
	Value int    `xml:"value"`
}

type getAccountSummaryOutput struct {
	SummaryMap []summaryEntry `xml:"SummaryMap>entry"`
}

// getAccountSummary counts what the account has; the quotas are those that the directory enforces.
func getAccountSummary(ctx context.Context, c *call, _ *noInput) (any, error) {
	var out getAccountSummaryOutput
	add := func(key string, value int) { out.SummaryMap = append(out.SummaryMap, summaryEntry{key, value}) }
	for _, kind := range []struct {
		key  string
		list func(p iam.Page) (n int, last string, more bool, err error)
	}{
		{"Users", c.entities(ctx, iam.User)},
		{"Roles", c.entities(ctx, iam.Role)},
		{"Policies", func(p iam.Page) (int, string, bool, error) {
			list, more, err := c.directory.ListPolicies(ctx, c.Principal.Account, p)
			if len(list) == 0 {
				return 0, "", false, err
			}
			return len(list), list[len(list)-1].Name, more, err
		}},
		{"InstanceProfiles", func(p iam.Page) (int, string, bool, error) {
			list, more, err := c.directory.ListInstanceProfiles(ctx, c.Principal.Account, p)
			if len(list) == 0 {
				return 0, "", false, err
			}
			return len(list), list[len(list)-1].Name, more, err
		}},
	} {
		n, err := count(kind.list)
		if err != nil {
			return nil, err
		}
		add(kind.key, n)
	}
	add("Groups", 0)
	add("MFADevices", 0)
	add("AccountMFAEnabled", 0)
	add("AccountAccessKeysPresent", 1)
	add("AccessKeysPerUserQuota", 2)
	add("AttachedPoliciesPerUserQuota", 10)
	add("AttachedPoliciesPerRoleQuota", 10)
	add("PolicySizeQuota", iam.MaxManagedPolicy)
	add("UserPolicySizeQuota", iam.MaxUserInline)
	add("RolePolicySizeQuota", iam.MaxIdentityPolicy)
	add("AssumeRolePolicySizeQuota", iam.MaxTrustPolicy)
	return &out, nil
}

func (c *call) entities(ctx context.Context, kind iam.EntityKind) func(p iam.Page) (int, string, bool, error) {
	return func(p iam.Page) (int, string, bool, error) {
		list, more, err := c.directory.List(ctx, kind, c.Principal.Account, p)
		if len(list) == 0 {
			return 0, "", false, err
		}
		return len(list), list[len(list)-1].Name, more, err
	}
}

// count walks a list to its end.
func count(list func(p iam.Page) (n int, last string, more bool, err error)) (int, error) {
	total := 0
	for page := (iam.Page{Limit: 1000}); ; {
		n, last, more, err := list(page)
		if err != nil {
			return 0, err
		}
		if total += n; !more {
			return total, nil
		}
		page.After = last
	}
}

type listAccountAliasesInput struct{ paging }

type listAccountAliasesOutput struct {
	AccountAliases awsapi.Members[string] `xml:"AccountAliases"`
	truncation
}

// listAccountAliases answers that the account has no alias, as none has here.
func listAccountAliases(context.Context, *call, *listAccountAliasesInput) (any, error) {
	return &listAccountAliasesOutput{}, nil
}
