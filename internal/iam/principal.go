package iam

// PrincipalType says what kind of principal makes a request.
type PrincipalType string

// The principal types, by the names that CloudTrail and aws:PrincipalType use.
const (
	Root        PrincipalType = "Root"        // the account itself; aws:PrincipalType shows Account
	IAMUser     PrincipalType = "IAMUser"     // a user of an account
	AssumedRole PrincipalType = "AssumedRole" // a session of a role
	Service     PrincipalType = "AWSService"  // a service principal (ec2.amazonaws.com) or a resource that acts (an ECR repository)
)

// Principal is an authenticated caller.
type Principal struct {
	Type    PrincipalType
	Account string // 12 digits; empty for a service principal
	// ARN is what GetCallerIdentity answers: arn:aws:iam::N:root, …:user/path/U,
	// arn:aws:sts::N:assumed-role/R/S; a service principal's is its name.
	ARN string
	// RoleARN is the ARN of a session's role (it has the role's path, which ARN has not).
	// Empty means arn:aws:iam::N:role/R.
	RoleARN  string
	UserID   string            // aws:userid
	UserName string            // aws:username, of users only
	Tags     map[string]string // aws:PrincipalTag/…
}
