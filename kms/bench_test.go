package kms_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta/memmeta"
	"coffer.example/kms"
)

// nothing takes events and forgets them.
type nothing struct{}

func (nothing) Record(context.Context, []byte) error { return nil }

// BenchmarkUse measures the operations of the hot path in the process: policy and
// audit record included, but no file write.
func BenchmarkUse(b *testing.B) {
	w := newWorldOn(b, memmeta.New())
	w.SetRecorder(nothing{})
	key := w.key()
	alice := user(account, "alice", allowAll)
	ec := pairs{"aws:ebs:id": "vol-0123456789abcdef0"}
	dk, err := w.GenerateDataKey(ctx, w.root, kms.GenerateDataKeyInput{KeyID: key.ID, NumberOfBytes: ptr(64), EncryptionContext: ec})
	require.NoError(b, err)
	for name, op := range map[string]func() error{
		"Decrypt/root": func() error {
			_, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: dk.CiphertextBlob, EncryptionContext: ec})
			return err
		},
		"Decrypt/user": func() error {
			_, err := w.Decrypt(ctx, alice, kms.DecryptInput{CiphertextBlob: dk.CiphertextBlob, EncryptionContext: ec})
			return err
		},
		"GenerateDataKey/root": func() error {
			_, err := w.GenerateDataKey(ctx, w.root, kms.GenerateDataKeyInput{KeyID: key.ID, NumberOfBytes: ptr(64), EncryptionContext: ec})
			return err
		},
		"DescribeKey/root": func() error {
			_, err := w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: key.ID})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := op(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
