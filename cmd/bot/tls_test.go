package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"esimbot/sandbox"
	"esimbot/store/storetest"
)

// A purchase with a Redis behind TLS, whose certificate an authority of the operator's own has issued:
// SSL_CERT_FILE names it.
func TestTLSPurchase(t *testing.T) {
	t.Parallel()
	redis := storetest.StartTLS(t, "localhost")
	f := openFleet(t, redis.URL(), 1, map[string]string{"REDIS_URL": redis.TLS, "SSL_CERT_FILE": redis.Authority})
	f.buy(f.plan())
	f.expect(1, 0)
	clients, err := client(t, redis.URL()).ClientList(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(clients, fmt.Sprintf("laddr=127.0.0.1:%d ", redis.TLSPort)); n == 0 {
		t.Errorf("nobody is connected by TLS:\n%s", clients)
	}
}

// A Redis that can't prove who it is gets nothing: no password, no command. Whoever starts the shop reads why.
func TestTLSRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host    string
		trusted bool
		says    string
	}{
		"another host":      {"redis.example", true, "valid for redis.example, not localhost"},
		"unknown authority": {"localhost", false, "SSL_CERT_FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := storetest.StartTLS(t, c.host)
			behind := client(t, redis.URL())
			if err := behind.ConfigResetStat(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			vars := sandbox.New(sandbox.Options{BaseURL: "http://127.0.0.1:1"}).Env()
			maps.Copy(vars, map[string]string{"REDIS_URL": redis.TLS, commandVar: "serve"})
			if c.trusted {
				vars["SSL_CERT_FILE"] = redis.Authority
			}
			said := runElsewhere(t, vars)
			if !strings.Contains(said, c.says) || strings.Contains(said, redis.Password) {
				t.Errorf("it says %s", said)
			}
			done, err := behind.Info(t.Context(), "commandstats").Result()
			if err != nil || strings.Count(done, "cmdstat_") != 1 || !strings.Contains(done, "cmdstat_config|resetstat") {
				t.Errorf("commands came through: %v\n%s", err, done)
			}
		})
	}
}

// runElsewhere runs this binary with vars alone, sees it fail, and returns what it says.
func runElsewhere(t *testing.T, vars map[string]string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), self)
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = &out, &out
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Errorf("it ended with %v", err)
	}
	return out.String()
}
