package testkit

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// AWS runs the AWS CLI and boto3 as one principal against one endpoint.
type AWS struct {
	Endpoint        string
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Region          string
}

// environment keeps the caller's own profiles, caches and pagers out of the run.
func (a AWS) environment() []string {
	env := []string{
		"AWS_ACCESS_KEY_ID=" + a.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + a.SecretAccessKey,
		"AWS_DEFAULT_REGION=" + a.Region, "AWS_REGION=" + a.Region, "AWS_PAGER=",
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "AWS_DEFAULT_OUTPUT=json",
		"COFFER_ENDPOINT=" + a.Endpoint, "NO_PROXY=*", "no_proxy=*", "PYTHONWARNINGS=ignore",
	}
	if a.SessionToken != "" {
		env = append(env, "AWS_SESSION_TOKEN="+a.SessionToken)
	}
	return env
}

// Command is one call of the CLI, such as Command("kms", "create-key").
func (a AWS) Command(args ...string) Command {
	full := append([]string{"--endpoint-url", a.Endpoint}, args...)
	return Command{Name: "aws", Args: full, Env: a.environment()}
}

// Succeed calls the CLI and returns its standard output.
func (a AWS) Succeed(t testing.TB, args ...string) string {
	t.Helper()
	return a.Command(args...).Succeed(t)
}

// Query calls the CLI and returns the value that --query selects, as text.
func (a AWS) Query(t testing.TB, query string, args ...string) string {
	t.Helper()
	return strings.TrimSpace(a.Succeed(t, append(args, "--query", query, "--output", "text")...))
}

// Fail calls the CLI, which must report an AWS error, and returns the message.
func (a AWS) Fail(t testing.TB, args ...string) string {
	t.Helper()
	return a.Command(args...).Fail(t)
}

// Decode calls the CLI and decodes its JSON answer.
func (a AWS) Decode(t testing.TB, into any, args ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Succeed(t, args...)), into); err != nil {
		t.Fatalf("aws %s: %v", strings.Join(args, " "), err)
	}
}

// Boto3 is one run of a Python program with boto3; the program finds the endpoint in
// the environment variable COFFER_ENDPOINT and the credentials where boto3 looks.
func (a AWS) Boto3(t testing.TB, program string, args ...string) Command {
	t.Helper()
	return Command{Name: boto3Python(t), Args: append([]string{"-c", program}, args...), Env: a.environment()}
}

// boto3Python finds a Python that has boto3: the one that runs aws, or the system's.
func boto3Python(t testing.TB) string {
	t.Helper()
	candidates := []string{"python3", "/usr/bin/python3"}
	if python := interpreter(Tool(t, "aws")); python != "" {
		candidates = append([]string{python}, candidates...)
	}
	for _, python := range candidates {
		if exec.Command(python, "-c", "import boto3").Run() == nil {
			return python
		}
	}
	t.Fatal("no Python has boto3; `sh internal/testkit/install-tools.sh test` installs it")
	return ""
}

// interpreter returns the Python of a script's first line, if it names one.
func interpreter(script string) string {
	content, err := os.ReadFile(script)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(content), "\n")
	path, isScript := strings.CutPrefix(first, "#!")
	if !isScript || !strings.Contains(path, "python") || strings.Contains(path, " ") {
		return ""
	}
	return path
}
