package iam

import "strings"

// arnColons is the number of colons that separate the six components of an ARN.
const arnColons = 5

// ARN is a parsed Amazon Resource Name, arn:partition:service:region:account:resource.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// ParseARN splits an ARN; ok is false if s does not have its six components.
func ParseARN(s string) (a ARN, ok bool) {
	parts := strings.SplitN(s, ":", arnColons+1)
	if len(parts) != arnColons+1 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return ARN{}, false
	}
	return ARN{parts[1], parts[2], parts[3], parts[4], parts[5]}, true
}

// String formats the ARN.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// RootARN returns the ARN of an account's root.
func RootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// UserARN returns the ARN of a user; path begins and ends with a slash.
func UserARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":user" + path + name
}

// RoleARN returns the ARN of a role; path begins and ends with a slash.
func RoleARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":role" + path + name
}

// PolicyARN returns the ARN of a managed policy; path begins and ends with a slash.
func PolicyARN(account, path, name string) string {
	return "arn:aws:iam::" + account + ":policy" + path + name
}

// SessionARN returns the ARN of a role's session.
func SessionARN(account, role, session string) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + session
}

// IsAccountID reports whether s is 12 digits.
func IsAccountID(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// isRootOf reports whether an ARN is that of the account's root, in any partition.
func isRootOf(arn, account string) bool {
	const root = ":root"
	i := len(arn) - len(root) - len(account)
	return account != "" && i > 0 && arn[i-1] == ':' && arn[i:len(arn)-len(root)] == account && arn[len(arn)-len(root):] == root
}
