package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// checklist is how many lines the checklist in docs/security.md has.
const checklist = 15

// rosterOf reads of the page which tests, by their package's folder, each line of the checklist names.
func rosterOf(page string) map[int][][2]string {
	heading := regexp.MustCompile(`(?m)^### (\d+)\. `)
	named := regexp.MustCompile("`([a-z][a-z/]*)\\.((?:Test|Fuzz)[A-Z]\\w*)`")
	lines := map[int][][2]string{}
	heads := heading.FindAllStringSubmatchIndex(page, -1)
	for i, head := range heads {
		n, err := strconv.Atoi(page[head[2]:head[3]])
		if err != nil {
			continue
		}
		end := len(page)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		} else if next := strings.Index(page[head[1]:], "\n## "); next >= 0 {
			end = head[1] + next
		}
		lines[n] = [][2]string{}
		for _, m := range named.FindAllStringSubmatch(page[head[1]:end], -1) {
			lines[n] = append(lines[n], [2]string{m[1], m[2]})
		}
	}
	return lines
}

// TestChecklistIsHeld: docs/security.md has every line of the checklist, each names a test at least, and each
// test that it names is there. Every fuzz test of the doors stands there too.
func TestChecklistIsHeld(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := rosterOf(string(page))
	for n := 1; n <= checklist; n++ {
		if len(lines[n]) == 0 {
			t.Errorf("line %d names no test", n)
		}
	}
	if len(lines) != checklist {
		t.Errorf("%d lines, want %d", len(lines), checklist)
	}
	for n, tests := range lines {
		for _, named := range tests {
			if !testIsThere(t, named[0], named[1]) {
				t.Errorf("line %d: %s has no %s", n, named[0], named[1])
			}
		}
	}
	files, err := filepath.Glob("security_*_test.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range append(files, "security_test.go") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(page), "`cmd/bot."+m[1]+"`") {
				t.Errorf("%s is not on the page", m[1])
			}
		}
	}
}

// testIsThere says whether a package's folder has a test of that name.
func testIsThere(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

// TestRosterNoticesWhatIsMissing: a line left out, a line without a test and a test that isn't there.
func TestRosterNoticesWhatIsMissing(t *testing.T) {
	lines := rosterOf("## Checklist\n\n### 1. One\n\nheld by `cmd/bot.TestRosterNoticesWhatIsMissing` and `flows.FuzzPress`.\n\n### 3. Three\n\nnothing.\n\n## Else\n\n`x.TestElse`\n")
	if len(lines) != 2 || len(lines[1]) != 2 || lines[1][1] != [2]string{"flows", "FuzzPress"} || len(lines[3]) != 0 {
		t.Errorf("%v", lines)
	}
	if !testIsThere(t, "cmd/bot", "TestRosterNoticesWhatIsMissing") || testIsThere(t, "cmd/bot", "TestRosterNoticesWhat") || testIsThere(t, "nowhere", "TestX") {
		t.Error("tests are looked for in a wrong way")
	}
}
