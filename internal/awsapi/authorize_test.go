package awsapi

import (
	"context"
	"testing"

	"coffer.example/kms"
	"github.com/stretchr/testify/require"
)

func TestAuthorizer(t *testing.T) {
	auth := NewAuthorizer()
	service := &Service{Name: "sts", Protocol: Query, Operations: map[string]Operation{
		"Ask": {Call: func(_ context.Context, r *Request, _ any) (any, error) {
			r.Principal = Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u", Type: "IAMUser", UserName: "u", Policies: []kms.Policy{
				{Name: "inline policy p of user u", Document: `{"Version":"2012-10-17","Statement":[
					{"Sid":"Yes","Effect":"Allow","Action":"iam:*","Resource":"*"},
					{"Sid":"No","Effect":"Deny","Action":"iam:*","Resource":"arn:aws:iam::*:user/boss"}]}`},
			}}
			return nil, auth.Check(r, Access{Action: "iam:DeleteUser", Resource: r.Params.String("Arn")})
		}},
	}}
	recorded := &events{}
	f := &fixture{events: recorded, front: newFixture().front}
	f.front.services, f.front.options.Recorder = map[string]*Service{"sts": service}, recorded

	require.Equal(t, 200, f.do(call{service: "sts", body: "Action=Ask&Arn=arn:aws:iam::111122223333:user/x"}.request(t)).Code)
	require.Equal(t, map[string]any{"result": "Allow", "policy": "inline policy p of user u", "sid": "Yes",
		"reason": `allowed by statement 0 (Sid "Yes") of inline policy p of user u`}, recorded.last(t)["cofferDecision"])

	w := f.do(call{service: "sts", body: "Action=Ask&Arn=arn:aws:iam::111122223333:user/boss"}.request(t))
	expectError(t, w, "query", 403, "AccessDenied", "User: arn:aws:iam::111122223333:user/u is not authorized to perform: iam:DeleteUser "+
		"on resource: arn:aws:iam::111122223333:user/boss with an explicit deny in an identity-based policy")
	decision := recorded.last(t)["cofferDecision"].(map[string]any)
	require.Equal(t, "Deny", decision["result"])
	require.Equal(t, "No", decision["sid"])
	require.Len(t, decision["trace"], 2)
}
