package awsapi

import (
	"net/http"
	"net/url"
	"strings"

	"coffer.example/internal/awsapi/query"
)

// unknownService stands for a service that is not here, in the protocol that the request seems to speak.
func unknownService(r *http.Request) *Service {
	if r.Header.Get("X-Amz-Target") != "" || strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-amz-json") {
		return &Service{Protocol: JSON}
	}
	return &Service{Protocol: Query}
}

// guess finds the service that an unauthenticated request means, so that it is
// refused in the service's protocol: by target, path or version.
func (f *Front) guess(r *http.Request) *Service {
	if prefix, _, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		for _, s := range f.services {
			if s.Protocol == JSON && s.TargetPrefix == prefix {
				return s
			}
		}
	}
	for _, s := range f.services {
		switch s.Protocol {
		case REST:
			if r.URL.Path != "/" && matchAny(s, r) {
				return s
			}
		case Query, EC2:
			if r.URL.Query().Get("Version") == s.Version {
				return s
			}
		}
	}
	return unknownService(r)
}

func matchAny(s *Service, r *http.Request) bool {
	_, _, ok := matchRoute(s, r)
	return ok
}

// targetOperation returns the operation that X-Amz-Target names.
func targetOperation(s *Service, r *http.Request) (string, error) {
	target := r.Header.Get("X-Amz-Target")
	if target == "" {
		return "", &refusal{fault: faultMissingAction}
	}
	prefix, name, _ := strings.Cut(target, ".")
	if prefix != s.TargetPrefix || r.Method != http.MethodPost || r.URL.Path != "/" {
		return "", unknownOperation(s, target)
	}
	return name, nil
}

// formParams reads the parameters of a Query or EC2 request: those of the URL (but
// for the signature's) and those of the body.
func formParams(r *http.Request, body []byte) (*query.Params, error) {
	var pairs []string
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err == nil && strings.HasPrefix(decoded, "X-Amz-") {
			continue
		}
		pairs = append(pairs, pair)
	}
	if r.Method == http.MethodPost {
		pairs = append(pairs, string(body))
	}
	return query.Parse([]byte(strings.Join(pairs, "&")))
}

// formOperation returns the operation that the parameters name.
func formOperation(s *Service, r *http.Request, params *query.Params) (string, error) {
	name := params.String("Action")
	if name == "" {
		return "", &refusal{fault: faultMissingAction}
	}
	version, given := params.Value("Version")
	if given && version != s.Version || r.URL.Path != "/" || r.Method != http.MethodPost && r.Method != http.MethodGet {
		return "", unknownAction(s, name, version)
	}
	return name, nil
}

// matchRoute finds the REST operation of a request's method and path, and the path's variables.
func matchRoute(s *Service, r *http.Request) (string, map[string]string, bool) {
	path := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for name, op := range s.Operations {
		method, pattern, _ := strings.Cut(op.Route, " ")
		if method != r.Method {
			continue
		}
		if vars, ok := matchPath(strings.Split(strings.TrimPrefix(pattern, "/"), "/"), path); ok {
			return name, vars, true
		}
	}
	return "", nil, false
}

// matchPath matches segment by segment; a variable takes any segment that is no dot segment.
func matchPath(pattern, path []string) (map[string]string, bool) {
	if len(pattern) != len(path) {
		return nil, false
	}
	vars := map[string]string{}
	for i, want := range pattern {
		if !strings.HasPrefix(want, "{") {
			if want != path[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(path[i])
		if err != nil || value == "" || value == "." || value == ".." {
			return nil, false
		}
		vars[strings.Trim(want, "{}")] = value
	}
	return vars, true
}

func unknownOperation(s *Service, name string) error {
	if s.Protocol == EC2 || s.Protocol == Query {
		return unknownAction(s, name, s.Version)
	}
	return &refusal{faultUnknownOperation, "The operation " + name + " is not known to this endpoint."}
}

func unknownAction(s *Service, name, version string) error {
	if s.Protocol == EC2 {
		return &refusal{faultUnknownOperation, "The action " + name + " is not valid for this web service."}
	}
	return &refusal{faultUnknownOperation, "Could not find operation " + name + " for version " + version}
}
