package kms

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"coffer.example/internal/audit"
)

// readOnly lists the operations that CloudTrail shows as reading.
func readOnly(op string) bool {
	switch op {
	case "Encrypt", "Decrypt", "ReEncrypt", "GenerateMac", "VerifyMac":
		return true
	}
	return strings.HasPrefix(op, "Describe") || strings.HasPrefix(op, "List") || strings.HasPrefix(op, "Get") ||
		strings.HasPrefix(op, "Generate")
}

// finish records the call's event and returns the error to answer.
func (cl *call) finish(ctx context.Context, err error) error {
	var refused *Error
	if err != nil {
		refused = asError(err)
		if refused.cause != nil && !errors.Is(refused.cause, context.Canceled) { // the client went away
			cl.k.o.Logf("kms: %s: %v", cl.op, refused.cause)
		}
	}
	if r := cl.k.currentRecorder(); r != nil {
		if err := cl.record(ctx, r, refused); err != nil {
			refused = &Error{Kind: ErrInternal, Message: "The request could not be recorded.", cause: err}
		}
	}
	cl.k.tally.count(cl.op, refused)
	if refused != nil {
		return refused
	}
	cl.note(ctx)
	return nil
}

// eventSize is what most events fit.
const eventSize = 2048

// record hands the call's event to r, which does not keep the bytes.
func (cl *call) record(ctx context.Context, r Recorder, refused *Error) error {
	buf, _ := cl.k.buffers.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
		*buf = make([]byte, 0, eventSize)
	}
	b, err := cl.event((*buf)[:0], refused)
	if err != nil {
		return err
	}
	err = r.Record(context.WithoutCancel(ctx), b)
	*buf = b
	cl.k.buffers.Put(buf)
	return err
}

// event appends the call as a CloudTrail record.
func (cl *call) event(b []byte, refused *Error) ([]byte, error) {
	id, err := newUUID(cl.k.o.Rand)
	if err != nil {
		return nil, err
	}
	cl.eventID = id
	e := audit.Event{
		EventVersion: audit.EventVersion, UserIdentity: cl.identityOf(), EventTime: cl.at.Truncate(time.Second),
		EventSource: "kms.amazonaws.com", EventName: cl.op, AWSRegion: cl.c.Region,
		SourceIPAddress: cl.c.SourceIP, UserAgent: cl.c.UserAgent,
		RequestParameters: cl.params, ResponseElements: cl.response, AdditionalEventData: cl.extra,
		RequestID: cl.c.RequestID, EventID: id, ReadOnly: readOnly(cl.op),
		EventType: "AwsApiCall", ManagementEvent: true, RecipientAccountID: cl.c.Account,
		EventCategory: "Management", Decision: cl.decisionOf(refused),
	}
	e.Resources = cl.resources[:0]
	for _, k := range cl.keys {
		e.Resources = append(e.Resources, audit.Resource{AccountID: k.Account, Type: "AWS::KMS::Key", ARN: k.arn})
	}
	if refused != nil {
		e.ErrorCode, e.ErrorMessage, e.ResponseElements = Code(refused), refused.Message, nil
	}
	return e.AppendJSON(b)
}

func (cl *call) identityOf() audit.UserIdentity {
	c := &cl.c
	u := audit.UserIdentity{Type: c.Type, PrincipalID: c.UserID, ARN: c.ARN, AccountID: c.Account, AccessKeyID: c.AccessKeyID}
	if c.ViaService != "" {
		u.InvokedBy = c.ViaService
	}
	switch c.Type {
	case "IAMUser":
		u.UserName = c.UserName
	case "AssumedRole":
		role, _, _ := strings.Cut(c.UserID, ":")
		u.SessionContext = &audit.SessionContext{SessionIssuer: audit.SessionIssuer{
			Type: "Role", PrincipalID: role, ARN: cl.principal.Issuer(), AccountID: c.Account, UserName: c.UserName,
		}}
		u.SessionContext.Attributes.MFAAuthenticated = "false"
		if !c.SessionStarted.IsZero() {
			u.SessionContext.Attributes.CreationDate = c.SessionStarted.UTC().Format(time.RFC3339)
		}
	}
	return u
}

// decisionOf says what decided: the state of a key, or the evaluation.
func (cl *call) decisionOf(refused *Error) *audit.Decision {
	if !cl.decided && cl.state == "" {
		return nil
	}
	d := &cl.allowed
	*d = audit.Decision{Result: "Allow", Reason: cl.decision.String(), Grant: cl.decision.GrantID}
	ref := cl.decision.Deciding()
	d.Policy, d.Sid = ref.Policy, ref.Sid
	switch {
	case cl.state != "":
		d.Result, d.State = "Deny", string(cl.state)
		d.Reason = "denied: the key is " + string(cl.state)
	case refused != nil && errors.Is(refused, ErrAccessDenied):
		d.Result, d.Trace = "Deny", cl.trace
	}
	return d
}

// serviceEvent records what the KMS does of its own accord. It is done already, so a
// recorder that fails is only reported.
func (k *KMS) serviceEvent(ctx context.Context, rec *keyRecord, name string, details map[string]any) {
	r := k.currentRecorder()
	if r == nil {
		return
	}
	if details == nil {
		details = map[string]any{}
	}
	details["keyId"] = rec.ID
	raw, err := json.Marshal(details)
	var id string
	if err == nil {
		id, err = newUUID(k.o.Rand)
	}
	var b []byte
	if err == nil {
		e := audit.Event{
			EventVersion: audit.EventVersion, EventTime: k.now().Truncate(time.Second), EventSource: "kms.amazonaws.com",
			UserIdentity: audit.UserIdentity{Type: "AWSService", AccountID: rec.Account, InvokedBy: "AWS Internal"},
			EventName:    name, AWSRegion: rec.Region, SourceIPAddress: "AWS Internal", UserAgent: "AWS Internal",
			EventID: id, EventType: "AwsServiceEvent", ManagementEvent: true, RecipientAccountID: rec.Account,
			EventCategory: "Management", ServiceEventDetails: raw,
			Resources: []audit.Resource{{AccountID: rec.Account, Type: "AWS::KMS::Key", ARN: keyARN(rec.Account, rec.Region, rec.ID)}},
		}
		b, err = e.Encode()
	}
	if err == nil {
		err = r.Record(context.WithoutCancel(ctx), b)
	}
	if err != nil {
		k.o.Logf("kms: record %s of %s: %v", name, rec.ID, err)
	}
}

// RecordMalformed records a request that a front end refused before it reached an
// operation: one that does not decode, or of an unknown operation. code and message
// are what it answers; they must not quote the request's body.
func (k *KMS) RecordMalformed(ctx context.Context, c Caller, operation, code, message string) error {
	cl := newCall(k, c, operation)
	if err := cl.prepare(); err != nil {
		return err
	}
	k.tally.count(malformedOperation, &Error{Kind: codeError(code)})
	r := k.currentRecorder()
	if r == nil {
		return nil
	}
	if err := cl.record(ctx, r, &Error{Kind: codeError(code), Message: message}); err != nil {
		return &Error{Kind: ErrInternal, Message: "The request could not be recorded.", cause: err}
	}
	return nil
}

// codeError is a kind that is only known by its code.
type codeError string

func (c codeError) Error() string { return string(c) }
