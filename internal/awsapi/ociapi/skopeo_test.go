package ociapi_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

// skopeo copies an image of several layers in and out: every digest stays what it was.
func TestSkopeo(t *testing.T) {
	s := newSite(t)
	image := ecrtest.ImageLayout(t, 3)
	address := "docker://" + strings.TrimPrefix(s.aws.Endpoint, "http://") + "/"
	for i, encryption := range []string{ecr.EncryptionAES256, ecr.EncryptionKMS, ecr.EncryptionDSSE} {
		name := fmt.Sprint("skopeo/", i)
		_, err := s.service.CreateRepository(t.Context(), ecrtest.Root(ecrtest.Account), ecr.CreateRepositoryInput{Name: ecr.Name{Repository: name}, Encryption: ecr.Encryption{Type: encryption}})
		require.NoError(t, err)
		copied := t.TempDir()
		testkit.Run(t, "skopeo", "--policy", acceptAnything(t), "copy", "--quiet", "--dest-tls-verify=false", "--dest-creds", "AWS:"+s.password, "oci:"+image+":v1", address+name+":v1")
		testkit.Run(t, "skopeo", "--policy", acceptAnything(t), "copy", "--quiet", "--src-tls-verify=false", "--src-creds", "AWS:"+s.password, address+name+":v1", "oci:"+copied+":v1")
		require.Equal(t, ecrtest.LayoutBlobs(t, image), ecrtest.LayoutBlobs(t, copied))
		require.JSONEq(t, `{"Repository":"`+strings.TrimPrefix(address, "docker://")+name+`","Tags":["v1"]}`,
			testkit.Run(t, "skopeo", "list-tags", "--tls-verify=false", "--creds", "AWS:"+s.password, address+name))
	}
	testkit.Run(t, "skopeo", "delete", "--tls-verify=false", "--creds", "AWS:"+s.password, address+"skopeo/1:v1")
	failed := testkit.Command{Name: "skopeo", Args: []string{"inspect", "--tls-verify=false", "--creds", "AWS:" + s.password, address + "skopeo/1:v1"}}.Fail(t)
	require.Contains(t, failed, "manifest unknown")
}

func acceptAnything(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "policy.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600))
	return path
}
