package aead_test

import (
	"crypto/rand"
	"fmt"

	"coffer.example/aead"
)

// Sealing a block: the data key gives a write session, the session seals blocks.
func ExampleSession_SealBlock() {
	dek, err := aead.NewDataKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	defer dek.Destroy()

	salt := make([]byte, aead.SaltSize)
	rand.Read(salt) // once per write session, kept beside its blocks
	var store, volume aead.ID
	session, err := dek.Session(aead.DefaultSuite(), salt, store, volume)
	if err != nil {
		panic(err)
	}

	var scratch aead.Scratch // one per goroutine
	buf := make([]byte, aead.BlockSize, aead.BlockSize+aead.TagSize)
	copy(buf, "hello")
	const block, sequence = 42, 1 // a sequence is never used twice
	sealed := session.SealBlock(&scratch, buf[:0], buf, block, sequence)

	plaintext, err := session.OpenBlock(&scratch, nil, sealed, block, sequence)
	fmt.Printf("%s %v\n", plaintext[:5], err)
	_, err = session.OpenBlock(&scratch, nil, sealed, block+1, sequence)
	fmt.Println(err)
	// Output:
	// hello <nil>
	// aead: message authentication failed
}

// Wrapping a data key under key material, bound to an encryption context.
func ExampleWrappingKey_Wrap() {
	b := make([]byte, aead.KeySize)
	rand.Read(b)
	material := aead.NewSecret(b)
	defer material.Destroy()
	key, err := aead.NewWrappingKey(aead.WrapHeader{KeyID: aead.ID{1}}, material)
	if err != nil {
		panic(err)
	}

	dek, err := aead.NewDataKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	defer dek.Destroy()
	wrapped, err := key.Wrap(rand.Reader, dek.Secret().Bytes(), []byte("aws:ebs:id=vol-1"))
	if err != nil {
		panic(err)
	}
	fmt.Println(len(wrapped), dek)

	secret, err := key.Unwrap(wrapped, []byte("aws:ebs:id=vol-1"))
	fmt.Println(secret.Equal(dek.Secret()), err)
	_, err = key.Unwrap(wrapped, []byte("aws:ebs:id=vol-2"))
	fmt.Println(err)
	// Output:
	// 190 [redacted]
	// true <nil>
	// aead: message authentication failed
}
