package iam_test

import (
	"fmt"

	"coffer.example/internal/iam"
)

// A user decrypts under a key whose policy leaves the decision to IAM.
func ExampleEvaluate() {
	keyPolicy, err := iam.Parse(iam.KeyPolicy, []byte(`{"Version":"2012-10-17","Statement":[
		{"Sid":"Enable IAM policies","Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}]}`))
	if err != nil {
		panic(err)
	}
	mayEncrypt, err := iam.Parse(iam.IdentityPolicy, []byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*"}]}`))
	if err != nil {
		panic(err)
	}
	request := iam.Request{
		Principal:       iam.Principal{Type: iam.IAMUser, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/alice", UserName: "alice"},
		Action:          "kms:Decrypt",
		Resource:        "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		ResourceAccount: "111122223333",
		Grant:           iam.GrantRequest{Operation: "Decrypt", EncryptionContext: map[string]string{"aws:ebs:id": "vol-1"}},
	}
	policies := iam.Policies{
		Rule:     iam.ResourceDecides,
		Resource: iam.Named{Name: "key policy default", Policy: keyPolicy},
		Identity: []iam.Named{{Name: "inline policy p of user alice", Policy: mayEncrypt}},
	}
	decision := iam.Explain(&request, &policies, nil)
	fmt.Println(decision.Allowed)
	fmt.Println(decision.String())
	for _, step := range decision.Trace {
		fmt.Println(step)
	}
	grant := iam.Grant{ID: "g-1", Grantee: request.Principal.ARN, Operations: []string{"Decrypt"}, EncryptionContextSubset: map[string]string{"aws:ebs:id": "vol-1"}}
	decision = iam.Evaluate(&request, &policies, []iam.Grant{grant})
	fmt.Println(decision.String())
	// Output:
	// false
	// denied: no identity policy allows it, and statement 0 (Sid "Enable IAM policies") of key policy default leaves it to them
	// statement 0 (Sid "Enable IAM policies") of key policy default: Allow applies (to the account, whose identity policies decide)
	// statement 0 of inline policy p of user alice: Allow does not apply (Action does not match)
	// allowed by grant g-1
}
