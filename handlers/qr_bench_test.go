package handlers

import (
	"testing"

	"esimbot/esim"
	"esimbot/flows"
)

// BenchmarkPicture is the QR code of an eSIM as it is sent: drawn and packed as PNG.
func BenchmarkPicture(b *testing.B) {
	code, err := esim.ParseActivationCode("LPA:1$rsp.example.com$ABCD-1234-EFGH-5678-IJKL")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := picture(&flows.Photo{Code: code}); err != nil {
			b.Fatal(err)
		}
	}
}
