// Package iam is who may do what: accounts, users, roles and sessions (Principal,
// Directory, Sessions), policy documents (Parse), and Evaluate, the one pure function
// that decides every request of every service and says which statement, grant or
// missing allow decided.
//
// It is not an API: it knows no HTTP and no AWS error codes, and it never asks the
// Directory while it decides. A caller collects the documents and grants, Evaluate
// looks at nothing else.
//
// # Evaluation
//
// An explicit Deny in any document wins. Otherwise, inside the account that owns the
// resource, by Rule:
//
//	IdentityOnly     an identity policy allows
//	EitherAllows     the resource's policy or an identity policy allows
//	ResourceDecides  the resource's policy allows the principal, or allows its account
//	                 and an identity policy allows; or a grant allows
//
// and across accounts the resource's policy (or a grant) and an identity policy of the
// caller both allow. The account root has every identity permission of its account,
// but no more: a key policy that does not name the account shuts it out. A session
// policy limits what a session gets, except what the resource's policy or a grant
// gives to that very session by its ARN. A permissions boundary limits what a user or
// role gets from identity policies, and what a role gets from elsewhere, except what is
// given to that very session.
//
// # Where AWS leaves a choice, or its texts differ
//
//   - A wildcard in Action and Resource matches any characters, colons included; in
//     the Arn operators it stays inside its component.
//   - NotPrincipal goes with Deny only and exempts exactly the principals it names
//     (a role's name exempts the role's sessions); naming an account there exempts its root user alone.
//   - IfExists adds nothing to ForAnyValue and ForAllValues.
//   - A policy variable without a value makes its pattern match nothing.
//   - A variable's value is literal: '*' and '?' in it are no wildcards.
//   - Grant constraints compare names and values exactly, case included.
//   - A policy or grant that names a user or role by ARN means whoever has that name.
//     (AWS ties it to the unique id, so that one made anew under the name is another;
//     here only a unique id in the policy does that.)
//   - A condition on kms:EncryptionContext:NAME looks for the exact name first, then
//     for names that differ in case only (see PairValues).
package iam
