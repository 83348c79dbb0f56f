package aead

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"
)

var blockSizes = []int{512, BlockSize, 64 << 10}

// bareGCM is the yardstick: the standard library called as directly as Go allows,
// with a 16-byte AAD and the same kind of preallocated buffers.
func bareGCM(b *testing.B) cipher.AEAD {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// benchmarkRatio runs ours in the benchmark's loop and reports "ratio", the median
// over interleaved rounds of ours' time over bare's: pairing cancels drift.
func benchmarkRatio(b *testing.B, size int, ours, bare func()) {
	const rounds = 41
	calls := max(1, (256<<10)/size)
	slot := func(f func()) time.Duration {
		start := time.Now()
		for range calls {
			f()
		}
		return time.Since(start)
	}
	slot(ours)
	slot(bare)
	ratios := make([]float64, rounds)
	for i := range ratios {
		if i%2 == 0 {
			o := slot(ours)
			ratios[i] = float64(o) / float64(slot(bare))
		} else {
			n := slot(bare)
			ratios[i] = float64(slot(ours)) / float64(n)
		}
	}
	slices.Sort(ratios)

	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		ours()
	}
	b.ReportMetric(ratios[rounds/2], "ratio")
}

func BenchmarkSealBlock(b *testing.B) {
	for _, size := range blockSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, sc := testSession(b, SuiteAES256GCM), new(Scratch)
			gcm, nonce, aad := bareGCM(b), make([]byte, NonceSize), make([]byte, 16)
			src, dst := make([]byte, size), make([]byte, 0, size+TagSize)
			sequence := uint64(0)
			benchmarkRatio(b, size,
				func() { sequence++; s.SealBlock(sc, dst, src, 7, sequence) },
				func() { gcm.Seal(dst, nonce, src, aad) })
		})
	}
}

func BenchmarkOpenBlock(b *testing.B) {
	for _, size := range blockSizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, sc := testSession(b, SuiteAES256GCM), new(Scratch)
			gcm, nonce, aad := bareGCM(b), make([]byte, NonceSize), make([]byte, 16)
			sealed := s.SealBlock(sc, nil, make([]byte, size), 7, 1)
			bare := gcm.Seal(nil, nonce, make([]byte, size), aad)
			dst := make([]byte, 0, size)
			benchmarkRatio(b, size,
				func() {
					if _, err := s.OpenBlock(sc, dst, sealed, 7, 1); err != nil {
						b.Fatal(err)
					}
				},
				func() {
					if _, err := gcm.Open(dst, nonce, bare, aad); err != nil {
						b.Fatal(err)
					}
				})
		})
	}
}

func BenchmarkSession(b *testing.B) {
	dek, salt := testDataKey(b), make([]byte, SaltSize)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dek.Session(DefaultSuite(), salt, ID{}, ID{}, AllowTableAES); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrap(b *testing.B) {
	for _, suite := range wrapSuites {
		k, dek := testWrappingKey(b, suite), fill(0, VolumeDataKeySize)
		wrapped, err := k.Wrap(rand.Reader, dek, []byte("context"))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("wrap/%d", suite), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				k.Wrap(rand.Reader, dek, []byte("context"))
			}
		})
		b.Run(fmt.Sprintf("unwrap/%d", suite), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := k.Unwrap(wrapped, []byte("context"))
				if err != nil {
					b.Fatal(err)
				}
				s.Destroy()
			}
		})
	}
}

func BenchmarkMACKey(b *testing.B) {
	k, message := testDataKey(b).IndexKey(), make([]byte, 450)
	b.ReportAllocs()
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		k.Tag(message)
	}
}

func BenchmarkStreamWrite(b *testing.B) {
	w, err := NewStreamWriter(io.Discard, rand.Reader, testDataKey(b).Secret(), StreamSpec{Length: UnknownLength})
	if err != nil {
		b.Fatal(err)
	}
	p := make([]byte, StreamChunkSize)
	b.ReportAllocs()
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, err := w.Write(p); err != nil {
			b.Fatal(err)
		}
	}
}
