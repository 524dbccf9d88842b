package storetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// A Guarded is a redis-server that also answers behind TLS, with a certificate of an authority that
// no machine knows.
type Guarded struct {
	*Server
	// TLS is its address as REDIS_URL has it, with a password. URL is the one without TLS, for the
	// test itself.
	TLS     string
	TLSPort int
	// Authority is the file with the authority's certificate.
	Authority string
	// Password is asked for at both addresses.
	Password string
}

// URL returns the address without TLS.
func (g *Guarded) URL() string { return fmt.Sprintf("redis://:%s@127.0.0.1:%d/0", g.Password, g.Port) }

// StartTLS starts a redis-server behind TLS whose certificate is for host. It is reached at "localhost",
// whatever the certificate says.
func StartTLS(t testing.TB, host string) *Guarded {
	t.Helper()
	dir := t.TempDir()
	g := &Guarded{Authority: filepath.Join(dir, "authority.pem"), Password: "hush"}
	certificate, key := filepath.Join(dir, "redis.pem"), filepath.Join(dir, "redis.key")
	for file, content := range issue(t, host, g.Authority, certificate, key) {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.TLSPort = freePort(t)
	g.TLS = fmt.Sprintf("rediss://:%s@localhost:%d/0", g.Password, g.TLSPort)
	g.Server = Start(t, "--tls-port", strconv.Itoa(g.TLSPort), "--tls-cert-file", certificate, "--tls-key-file", key,
		"--tls-ca-cert-file", g.Authority, "--tls-auth-clients", "no", "--requirepass", g.Password)
	return g
}

// issue makes an authority, and has it certify host. It returns the files' contents.
func issue(t testing.TB, host, authority, certificate, key string) map[string][]byte {
	t.Helper()
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of the shop's own"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "redis"}, DNSNames: []string{host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		leaf.DNSNames, leaf.IPAddresses = nil, []net.IP{ip}
	}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, keys[0].Public(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, keys[1].Public(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(keys[1])
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		authority:   block("CERTIFICATE", rootDER),
		certificate: block("CERTIFICATE", leafDER),
		key:         block("EC PRIVATE KEY", keyDER),
	}
}

func block(kind string, der []byte) []byte {
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}) // a buffer takes everything
	return b.Bytes()
}
