package main

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// Every text that the code asks for by name is in the English file, which all others are measured
// against: nobody ever reads a key.
func TestTextsAreThere(t *testing.T) {
	var english map[string]any
	if _, err := toml.DecodeFile("../../locales/en.toml", &english); err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`\.(?:T|H|N|HN)\("([a-z0-9_]+)"`)
	found := 0
	err := fs.WalkDir(os.DirFS("../.."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "sandbox/") {
			return err
		}
		source, err := os.ReadFile("../../" + path)
		if err != nil {
			return err
		}
		for _, m := range asked.FindAllStringSubmatch(string(source), -1) {
			found++
			// A key that is put together ends in an underscore: one of its kind must be there.
			_, there := english[m[1]]
			if strings.HasSuffix(m[1], "_") {
				there = hasPrefix(english, m[1])
			}
			if !there {
				t.Errorf("%s asks for %q, which no language has", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 100 {
		t.Errorf("only %d texts are asked for: does the pattern still fit the code?", found)
	}
}

func hasPrefix(texts map[string]any, prefix string) bool {
	for key := range texts {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}
