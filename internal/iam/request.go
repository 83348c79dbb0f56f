package iam

import (
	"sort"
	"strconv"
	"strings"
	"time"
)

// Request is what a caller asks to do, with everything that policies can look at.
type Request struct {
	Principal Principal
	Action    string // "kms:Decrypt"
	Resource  string // ARN, or "*" where the action has none
	// ResourceAccount is the account that owns the resource; empty means the caller's.
	ResourceAccount string

	Time       time.Time // aws:CurrentTime, aws:EpochTime; absent if zero
	Region     string    // aws:RequestedRegion
	SourceIP   string    // aws:SourceIp
	UserAgent  string    // aws:UserAgent
	ViaService string    // the service that calls on the caller's behalf; aws:ViaAWSService
	TLS        bool      // aws:SecureTransport
	// Keys answers for the service's condition keys and for aws:ResourceTag/…,
	// aws:RequestTag/…, aws:TagKeys. It may be nil.
	Keys ConditionKeys

	// Grant describes the request to grants; its Operation is empty where no grant can allow it.
	Grant GrantRequest
}

// ConditionKeys answers for condition keys. Values gets a key in lower case, and as
// the policy writes it (of kms:EncryptionContext:NAME, aws:ResourceTag/NAME and their
// like the NAME matters); present is false if the request has no such key. The caller
// only reads the slice.
type ConditionKeys interface {
	Values(lower, written string) (values []string, present bool)
}

// KeyMap is a ConditionKeys of a map with lower-case keys. A key that ends with ":" or
// "/" holds NAME=VALUE pairs, for keys that carry a name.
type KeyMap map[string][]string

// Values implements ConditionKeys.
func (m KeyMap) Values(lower, written string) ([]string, bool) {
	if v, ok := m[lower]; ok {
		return v, true
	}
	i := strings.LastIndexAny(lower, "/:")
	for ; i > 0; i = strings.LastIndexAny(lower[:i], "/:") {
		pairs, ok := m[lower[:i+1]]
		if !ok {
			continue
		}
		named := make(map[string]string, len(pairs))
		for _, p := range pairs {
			name, value, _ := strings.Cut(p, "=")
			named[name] = value
		}
		return PairValues(named, written[i+1:])
	}
	return nil, false
}

// PairValues answers for a condition key that names a pair, such as an encryption
// context's or a tag's: the pair with exactly that name, else every pair whose name
// differs in case only, since names of condition keys are not case-sensitive.
func PairValues(pairs map[string]string, name string) (values []string, present bool) {
	if v, ok := pairs[name]; ok {
		return []string{v}, true
	}
	for k, v := range pairs {
		if strings.EqualFold(k, name) {
			values = append(values, v)
		}
	}
	sort.Strings(values)
	return values, len(values) > 0
}

// values answers for the global keys and asks r.Keys for the others.
func (r *Request) values(lower, written string) ([]string, bool) {
	if !strings.HasPrefix(lower, "aws:") {
		return r.serviceValues(lower, written)
	}
	p := &r.Principal
	switch lower {
	case "aws:principalarn":
		return some(p.Issuer())
	case "aws:principalaccount":
		return some(p.Account)
	case "aws:principaltype":
		return some(p.typeKey())
	case "aws:principalisawsservice":
		return some(strconv.FormatBool(p.Type == Service))
	case "aws:userid":
		return some(p.UserID)
	case "aws:username":
		if p.Type != IAMUser {
			return nil, false
		}
		return some(p.UserName)
	case "aws:resourceaccount":
		return some(r.owner())
	case "aws:currenttime":
		if r.Time.IsZero() {
			return nil, false
		}
		return some(r.Time.UTC().Format(time.RFC3339Nano))
	case "aws:epochtime":
		if r.Time.IsZero() {
			return nil, false
		}
		return some(strconv.FormatInt(r.Time.Unix(), 10))
	case "aws:requestedregion":
		return some(r.Region)
	case "aws:sourceip":
		return some(r.SourceIP)
	case "aws:useragent":
		return some(r.UserAgent)
	case "aws:securetransport":
		return some(strconv.FormatBool(r.TLS))
	case "aws:viaawsservice":
		return some(strconv.FormatBool(r.ViaService != ""))
	}
	if tag := "aws:principaltag/"; strings.HasPrefix(lower, tag) {
		return PairValues(p.Tags, written[len(tag):])
	}
	return r.serviceValues(lower, written)
}

func (r *Request) serviceValues(lower, written string) ([]string, bool) {
	if r.Keys == nil {
		return nil, false
	}
	return r.Keys.Values(lower, written)
}

// owner returns the account that owns the resource.
func (r *Request) owner() string {
	if r.ResourceAccount == "" {
		return r.Principal.Account
	}
	return r.ResourceAccount
}

// typeKey is the value of aws:PrincipalType.
func (p *Principal) typeKey() string {
	switch p.Type {
	case Root:
		return "Account"
	case IAMUser:
		return "User"
	}
	return string(p.Type)
}

func some(v string) ([]string, bool) {
	if v == "" {
		return nil, false
	}
	return []string{v}, true
}
