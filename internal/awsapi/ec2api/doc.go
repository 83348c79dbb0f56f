// Package ec2api is the EC2 Query API over the catalogue of internal/ec2: it decodes
// parameters, asks the caller's identity policies, makes one call and encodes the
// answer. It decides nothing about volumes or keys.
//
// # Authorisation
//
// Every operation is allowed by iam.Evaluate on the caller's identity and session
// policies for the resources that it names, else answers UnauthorizedOperation. Tags
// given at creation need ec2:CreateTags as well. The condition keys are
// aws:RequestTag/…, aws:TagKeys, aws:ResourceTag/…, ec2:ResourceTag/…, ec2:Region,
// ec2:CreateAction, ec2:Encrypted, ec2:VolumeType, ec2:VolumeSize and ec2:InstanceType.
//
// # Parameters
//
// A parameter that an operation does not know is an error, UnknownParameter. Some that
// SDKs always send, or that describe a machine where there is none, are read and have
// no effect; each operation names them in its Accept call. What would change the
// meaning of a request (spot, outposts, placement groups) is refused.
//
// # Pagination
//
// A NextToken is sealed: it says its operation, caller, Region and filters, and is
// refused with any other.
package ec2api
