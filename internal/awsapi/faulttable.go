package awsapi

const (
	badToken     = "The security token included in the request is invalid."
	expiredToken = "The security token included in the request is expired"
	internal     = "An internal error has occurred."
	ec2Expired   = "Request has expired."
	ec2Key       = "AWS was not able to validate the provided access credentials"
)

// faultTable is the one place that says how a fault looks in each protocol. The codes are
// those of the "Common errors" pages of the services' API references and of real answers.
var faultTable = map[fault]map[Protocol]wire{
	faultMissingToken: {
		JSON:  {"MissingAuthenticationTokenException", 400, "Missing Authentication Token"},
		Query: {"MissingAuthenticationToken", 403, "Request is missing Authentication Token"},
		EC2:   {"MissingAuthenticationToken", 403, "Request is missing Authentication Token"},
		REST:  {"MissingAuthenticationTokenException", 403, "Missing Authentication Token"},
	},
	faultIncomplete: {
		JSON:  {"IncompleteSignatureException", 400, ""},
		Query: {"IncompleteSignature", 400, ""},
		EC2:   {"IncompleteSignature", 400, ""},
		REST:  {"IncompleteSignatureException", 403, ""},
	},
	faultExpired: {
		JSON:  {"InvalidSignatureException", 400, ""},
		Query: {"SignatureDoesNotMatch", 403, ""},
		EC2:   {"RequestExpired", 400, ec2Expired},
		REST:  {"InvalidSignatureException", 403, ""},
	},
	faultNotYet: {
		JSON:  {"InvalidSignatureException", 400, ""},
		Query: {"SignatureDoesNotMatch", 403, ""},
		EC2:   {"RequestExpired", 400, ec2Expired},
		REST:  {"InvalidSignatureException", 403, ""},
	},
	faultSignature: {
		JSON:  {"InvalidSignatureException", 400, ""},
		Query: {"SignatureDoesNotMatch", 403, ""},
		EC2:   {"AuthFailure", 401, ec2Key},
		REST:  {"InvalidSignatureException", 403, ""},
	},
	faultUnknownKey: {
		JSON:  {"UnrecognizedClientException", 400, badToken},
		Query: {"InvalidClientTokenId", 403, badToken},
		EC2:   {"AuthFailure", 401, ec2Key},
		REST:  {"UnrecognizedClientException", 403, badToken},
	},
	faultInvalidToken: {
		JSON:  {"UnrecognizedClientException", 400, badToken},
		Query: {"InvalidClientTokenId", 403, badToken},
		EC2:   {"AuthFailure", 401, ec2Key},
		REST:  {"UnrecognizedClientException", 403, badToken},
	},
	faultExpiredToken: {
		JSON:  {"ExpiredTokenException", 400, expiredToken},
		Query: {"ExpiredToken", 403, expiredToken},
		EC2:   {"RequestExpired", 400, ec2Expired},
		REST:  {"ExpiredTokenException", 403, expiredToken},
	},
	faultUnknownOperation: {
		JSON:  {"UnknownOperationException", 400, ""},
		Query: {"InvalidAction", 400, ""},
		EC2:   {"InvalidAction", 400, ""},
		REST:  {"UnknownOperationException", 404, ""},
	},
	faultMissingAction: {
		JSON:  {"UnknownOperationException", 400, "The request has no X-Amz-Target header."},
		Query: {"MissingAction", 400, "The request must contain the parameter Action"},
		EC2:   {"MissingAction", 400, "The request must contain the parameter Action"},
		REST:  {"UnknownOperationException", 404, ""},
	},
	faultMalformed: {
		JSON:  {"SerializationException", 400, ""},
		Query: {"MalformedQueryString", 400, ""},
		EC2:   {"MalformedQueryString", 400, ""},
		REST:  {"SerializationException", 400, ""},
	},
	faultTooLarge: {
		JSON:  {"RequestEntityTooLargeException", 413, ""},
		Query: {"RequestEntityTooLarge", 413, ""},
		EC2:   {"RequestEntityTooLarge", 413, ""},
		REST:  {"RequestEntityTooLargeException", 413, ""},
	},
	faultHost: {
		JSON:  {"AccessDeniedException", 400, ""},
		Query: {"AccessDenied", 403, ""},
		EC2:   {"UnauthorizedOperation", 403, ""},
		REST:  {"AccessDeniedException", 403, ""},
	},
	faultValidation: {
		JSON:  {"ValidationException", 400, ""},
		Query: {"ValidationError", 400, ""},
		EC2:   {"ValidationError", 400, ""},
		REST:  {"ValidationException", 400, ""},
	},
	faultMissingParameter: {
		Query: {"MissingParameter", 400, ""},
		EC2:   {"MissingParameter", 400, ""},
	},
	faultInvalidParameter: {
		Query: {"InvalidParameterValue", 400, ""},
		EC2:   {"InvalidParameterValue", 400, ""},
	},
	faultUnknownParameter: {
		Query: {"InvalidParameterValue", 400, ""},
		EC2:   {"UnknownParameter", 400, ""},
	},
	faultInternal: {
		JSON:  {"InternalFailure", 500, internal},
		Query: {"InternalFailure", 500, internal},
		EC2:   {"InternalError", 500, internal},
		REST:  {"InternalServerException", 500, internal},
	},
}
