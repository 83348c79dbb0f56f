package main

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"coffer.example/bench"
	"coffer.example/internal/audit"
	"coffer.example/kms"
)

// benchKeyBytes is the size of a volume's data key, as EBS asks for it.
const benchKeyBytes = 64

// benchPairs is the encryption context of a volume.
func benchPairs() map[string]string {
	return map[string]string{"aws:ebs:id": "vol-0123456789abcdef0"}
}

// benchOperations are what is measured, in the order of the report.
func benchOperations() []string { return []string{"DescribeKey", "GenerateDataKey", "Decrypt"} }

// cases are the operations over HTTP after the empty handler, which they are compared
// with, and in the process.
func (r *benchKMSRig) cases(ctx context.Context) (list []bench.Case) {
	for _, op := range append([]string{benchEmpty}, benchOperations()...) {
		list = append(list, bench.Case{Group: benchGroupHTTP, Variant: op, Latency: true, New: func() (bench.Worker, error) { return r.httpWorker(op) }})
	}
	for _, op := range benchOperations() {
		for _, how := range []string{"", ", chained"} {
			if how != "" && op != "Decrypt" {
				continue
			}
			list = append(list, bench.Case{Group: benchGroupProcess, Variant: op + how, New: func() (bench.Worker, error) { return r.processWorker(ctx, op, how) }})
		}
	}
	return list
}

// httpWorker makes one request after the other on a connection of its own.
func (r *benchKMSRig) httpWorker(op string) (bench.Worker, error) {
	c, err := r.server.dial()
	if err != nil {
		return bench.Worker{}, err
	}
	body := map[string]any{}
	switch op {
	case benchEmpty:
		op = benchEmptyOperation
	case "DescribeKey":
		body["KeyId"] = r.keyID
	case "GenerateDataKey":
		body["KeyId"], body["NumberOfBytes"], body["EncryptionContext"] = r.keyID, benchKeyBytes, benchPairs()
	case "Decrypt":
		body["CiphertextBlob"], body["EncryptionContext"] = base64.StdEncoding.EncodeToString(r.blob), benchPairs()
	}
	text, err := json.Marshal(body)
	if err != nil {
		return bench.Worker{}, err
	}
	if err := c.prepare(op, text); err != nil {
		return bench.Worker{}, err
	}
	return bench.Worker{Run: c.once, Close: c.close}, nil
}

// processWorker calls the key store itself. The recorder is the key store's, so that
// cases in the process and over HTTP do not run at once.
func (r *benchKMSRig) processWorker(ctx context.Context, op, how string) (bench.Worker, error) {
	r.keys.SetRecorder(r.recorder[how])
	w := bench.Worker{Close: func() error {
		r.keys.SetRecorder(r.trail)
		return nil
	}}
	size, pairs := benchKeyBytes, benchPairs()
	switch op {
	case "DescribeKey":
		w.Run = func() error {
			_, err := r.keys.DescribeKey(ctx, r.user, kms.DescribeKeyInput{KeyID: r.keyID})
			return err
		}
	case "GenerateDataKey":
		w.Run = func() error {
			_, err := r.keys.GenerateDataKey(ctx, r.user, kms.GenerateDataKeyInput{KeyID: r.keyID, NumberOfBytes: &size, EncryptionContext: pairs})
			return err
		}
	default:
		w.Run = func() error {
			_, err := r.keys.Decrypt(ctx, r.user, kms.DecryptInput{CiphertextBlob: r.blob, EncryptionContext: pairs})
			return err
		}
	}
	return w, nil
}

// benchRecorder takes finished events and drops them.
type benchRecorder struct{}

// Record implements kms.Recorder.
func (benchRecorder) Record(context.Context, []byte) error { return nil }

// unwrittenFS is a file system whose new files keep nothing.
type unwrittenFS struct{ audit.OS }

// Create implements audit.FS.
func (unwrittenFS) Create(string) (audit.File, error) { return unwrittenFile{}, nil }

type unwrittenFile struct{}

func (unwrittenFile) Write(p []byte) (int, error) { return len(p), nil }
func (unwrittenFile) Sync() error                 { return nil }
func (unwrittenFile) Truncate(int64) error        { return nil }
func (unwrittenFile) Close() error                { return nil }

// benchAnchor keeps an anchor in memory.
type benchAnchor struct{ kept []byte }

// Load implements audit.AnchorStore.
func (a *benchAnchor) Load(context.Context) ([]byte, error) { return a.kept, nil }

// Save implements audit.AnchorStore.
func (a *benchAnchor) Save(_ context.Context, anchor []byte) error {
	a.kept = anchor
	return nil
}
