package codec

import "testing"

func BenchmarkReadStream(b *testing.B) {
	payload := streamPayload(b, sampleStream(b, 100_000), 10)
	b.ResetTimer()
	for b.Loop() {
		if _, err := streamOf(payload); err != nil {
			b.Fatal(err)
		}
	}
}
