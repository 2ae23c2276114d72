package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// identity is a certificate with its key, as files and as Go has them.
type identity struct {
	cert, key string // files
	pair      tls.Certificate
	parsed    *x509.Certificate
}

// issue makes a certificate that parent signs; a nil parent makes an authority.
func issue(t *testing.T, serial int64, parent *identity) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(serial),
		Subject:               pkix.Name{CommonName: "test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:                  parent == nil,
		BasicConstraintsValid: true,
	}
	signer, signedBy := any(key), template
	if parent != nil {
		signer, signedBy = parent.pair.PrivateKey, parent.parsed
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signedBy, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	id := &identity{cert: writeFile(t, "cert.pem", certPEM), key: writeFile(t, "key.pem", keyPEM)}
	if id.pair, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	if id.parsed, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestConnectTLS(t *testing.T) {
	t.Parallel()
	authority := issue(t, 1, nil)
	here, there := issue(t, 2, authority), issue(t, 3, authority)
	pool := x509.NewCertPool()
	pool.AddCert(authority.parsed)
	url := startNATS(t, &server.Options{
		TLS: true,
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{there.pair},
			ClientCAs:    pool,
			ClientAuth:   tls.RequireAndVerifyClientCert,
			MinVersion:   tls.VersionTLS12,
		},
	})
	if _, err := connectWith(t, "--nats", url, "--tlsca", authority.cert, "--tlscert", here.cert, "--tlskey", here.key); err != nil {
		t.Error(err)
	}
	if _, err := connectWith(t, "--nats", url, "--tlsca", authority.cert); err == nil {
		t.Error("connected without a certificate")
	}
	if _, err := connectWith(t, "--nats", url, "--tlscert", here.cert, "--tlskey", here.key); err == nil {
		t.Error("connected to a server whose authority is not trusted")
	}
}
