package mobilexy

import (
	"fmt"
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	const key = "k3y-of-a-test"
	if _, err := New(Config{}); err == nil {
		t.Error("no key was taken")
	}
	if _, err := New(Config{APIKey: key, BaseURL: "ftp://x"}); err == nil || strings.Contains(err.Error(), key) {
		t.Errorf("%v", err)
	}
	c, err := New(Config{APIKey: key})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	config := Config{APIKey: key}
	if text := fmt.Sprintf("%v %+v %#v %v %+v %#v", config, config, config, c, c, c); strings.Contains(text, key) {
		t.Error(text)
	}
}
