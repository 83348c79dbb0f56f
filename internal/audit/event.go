package audit

import (
	"encoding/json"
	"time"
)

// EventVersion is the version of CloudTrail's record format that Event follows.
const EventVersion = "1.11"

// Event is a CloudTrail record, with CloudTrail's names. RequestParameters and
// ResponseElements are null if nil; Fields is the cheap way to fill them.
type Event struct {
	EventVersion        string          `json:"eventVersion"`
	UserIdentity        UserIdentity    `json:"userIdentity"`
	EventTime           time.Time       `json:"eventTime"` // UTC, whole seconds
	EventSource         string          `json:"eventSource"`
	EventName           string          `json:"eventName"`
	AWSRegion           string          `json:"awsRegion"`
	SourceIPAddress     string          `json:"sourceIPAddress"`
	UserAgent           string          `json:"userAgent"`
	ErrorCode           string          `json:"errorCode,omitempty"`
	ErrorMessage        string          `json:"errorMessage,omitempty"`
	RequestParameters   any             `json:"requestParameters"` // nil shows null
	ResponseElements    any             `json:"responseElements"`  // nil shows null
	AdditionalEventData any             `json:"additionalEventData,omitempty"`
	RequestID           string          `json:"requestID"`
	EventID             string          `json:"eventID"`
	ReadOnly            bool            `json:"readOnly"`
	Resources           []Resource      `json:"resources,omitempty"`
	EventType           string          `json:"eventType"` // AwsApiCall, AwsServiceEvent
	ManagementEvent     bool            `json:"managementEvent"`
	RecipientAccountID  string          `json:"recipientAccountId"`
	EventCategory       string          `json:"eventCategory"` // Management
	ServiceEventDetails json.RawMessage `json:"serviceEventDetails,omitempty"`
	// Decision is coffer's own member: what decided the request.
	Decision *Decision `json:"cofferDecision,omitempty"`
}

// UserIdentity says who called.
type UserIdentity struct {
	Type           string          `json:"type"`
	PrincipalID    string          `json:"principalId,omitempty"`
	ARN            string          `json:"arn,omitempty"`
	AccountID      string          `json:"accountId,omitempty"`
	AccessKeyID    string          `json:"accessKeyId,omitempty"`
	UserName       string          `json:"userName,omitempty"`
	SessionContext *SessionContext `json:"sessionContext,omitempty"`
	InvokedBy      string          `json:"invokedBy,omitempty"`
}

// SessionContext describes the session of an assumed role.
type SessionContext struct {
	SessionIssuer SessionIssuer     `json:"sessionIssuer"`
	Attributes    SessionAttributes `json:"attributes"`
}

// SessionIssuer is the role of a session.
type SessionIssuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

// SessionAttributes say when a session began.
type SessionAttributes struct {
	CreationDate     string `json:"creationDate"`
	MFAAuthenticated string `json:"mfaAuthenticated"`
}

// Resource is a resource that an event concerns.
type Resource struct {
	AccountID string `json:"accountId"`
	Type      string `json:"type"` // AWS::KMS::Key
	ARN       string `json:"ARN"`
}

// Decision says what allowed or refused a request.
type Decision struct {
	Result string   `json:"result"` // Allow, Deny
	Reason string   `json:"reason"` // one sentence: which statement, grant, missing allow or key state decided
	Policy string   `json:"policy,omitempty"`
	Sid    string   `json:"sid,omitempty"`
	Grant  string   `json:"grantId,omitempty"`
	State  string   `json:"keyState,omitempty"`
	Trace  []string `json:"trace,omitempty"` // the evaluation of a denied request, a line per step
}
