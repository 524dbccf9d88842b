package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// The faults that must not cost anybody anything are numbered, and a test is named after the one it
// brings about: TestFault05… within this process, TestKillFault05… with a shop in processes of its
// own, which are killed. They are sorted by where the fault lies:
//
//	 1–3   the shop is killed: before the fence, before the purchase, after it, at every other step
//	 4–9   a provider fails, lies, comes late, refuses, grows dearer
//	10–17  a payment is told of often, early, never, falsely, otherwise than asked, too late
//	18–20  Redis is down, slow, forgets, is full
//	21–23  Telegram asks for patience, is blocked, doesn't answer
//	24–25  a refund meets another, a purchase, a crash, a Stripe that doesn't answer
//	26–27  a customer taps twice, or forges
//	28–31  clocks differ, a runner sleeps, a top-up is in doubt, versions mix, the shop is stopped
//	32     a catalogue is empty, or absurd
//	33–35  what Stripe tells is lost with Redis, is an error that stays, comes late
const faults = 35

// Every fault has a test.
func TestFaultsHaveTests(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`(?m)^func Test(?:Kill)?Fault(\d\d)[A-Z]\w*\(t \*testing\.T\)`)
	tested := map[int]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range name.FindAllSubmatch(text, -1) {
			n, err := strconv.Atoi(string(m[1]))
			if err != nil || n < 1 || n > faults {
				t.Errorf("%s: there is no fault %s", file, m[1])
			}
			tested[n]++
		}
	}
	for n := 1; n <= faults; n++ {
		if tested[n] == 0 {
			t.Errorf("fault %d has no test", n)
		}
	}
}
