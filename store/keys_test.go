package store

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// allKeys builds one of each key, by the name of its builder.
func allKeys() map[string]string {
	const id = orders.ID("7KQ2M9X4TB")
	return map[string]string{
		"sessionKey": sessionKey(42), "customerKey": customerKey(42), "seenKey": seenKey(42), "userOrdersKey": userOrdersKey(42),
		"userESIMsKey": userESIMsKey(42), "pagesOpenedKey": pagesOpenedKey(42), "pagesOpenKey": pagesOpenKey(42), "userPaidKey": userPaidKey(42),
		"orderKey": orderKey(id), "orderLogKey": orderLogKey(id), "orderDueKey": orderDueKey(partition(string(id), orderPartitions)), "orderStateKey": orderStateKey(id, orders.Paid),
		"esimKey": esimKey(string(id)), "iccidKey": iccidKey("8944538523456789012"), "intentKey": intentKey("pi_1"),
		"catalogueKey": catalogueKey(esim.Mobilexy), "statsKey": statsKey(time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)),
		"claimKey": claimKey("sweep"), "secretKey": secretKey("webhook"), "blockedKey": blockedKey(42), "askedKey": askedKey(42),
		"orderStatePartKey": orderStatePartKey(7, orders.Review), "countedKey": countedKey(id),
		"figuresKey": figuresKey(id, time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)), "figuresPartKey": figuresPartKey(7, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)),
		"pausesKey": pausesKey(), "relayKey": relayKey(-100123, 45), "relaysKey": relaysKey(42),
		"linksKey": linksKey(42), "esimDueKey": esimDueKey(partition(string(id), esimPartitions)), "rateKey": rateKey(esim.Mobilexy),
		"esimStandingsKey": esimStandingsKey(3), "orderAllKey": orderAllKey(7),
	}
}

// TestKeys holds the names of keys fixed: another name is another place, where nothing is found.
func TestKeys(t *testing.T) {
	want := map[string]string{
		"sessionKey": `{u:42}:session`, "customerKey": `{u:42}:customer`, "seenKey": `{u:42}:seen`, "userOrdersKey": `{u:42}:orders`,
		"userESIMsKey": `{u:42}:esims`, "pagesOpenedKey": `{u:42}:opened`, "pagesOpenKey": `{u:42}:open`, "userPaidKey": `{u:42}:paid`,
		"orderKey": `{o:04}:order:7KQ2M9X4TB`, "orderLogKey": `{o:04}:log:7KQ2M9X4TB`, "orderDueKey": `{o:04}:due`, "orderStateKey": `{o:04}:state:paid`,
		"esimKey": `{e:12}:esim:7KQ2M9X4TB`, "iccidKey": `iccid:8944538523456789012`, "intentKey": `pi:pi_1`,
		"catalogueKey": `catalog:mobilexy`, "statsKey": `stats:2026-11-22`, "claimKey": `claim:sweep`, "secretKey": `secret:webhook`,
		"blockedKey": `{u:42}:blocked`, "askedKey": `{u:42}:asked`, "orderStatePartKey": `{o:07}:state:review`, "countedKey": `{o:04}:counted:7KQ2M9X4TB`,
		"figuresKey": `{o:04}:stats:2026-11-22`, "figuresPartKey": `{o:07}:stats:2026-11-22`, "pausesKey": `pauses`, "relayKey": `relay:-100123:45`, "relaysKey": `{u:42}:relays`,
		"linksKey": `{u:42}:links`, "esimDueKey": `{e:12}:due`, "rateKey": `rate:mobilexy`,
		"esimStandingsKey": `{e:03}:standings`, "orderAllKey": `{o:07}:all`,
	}
	for name, key := range allKeys() {
		if key != want[name] {
			t.Errorf("%s: %s, want %s", name, key, want[name])
		}
	}
}

// TestEveryKeyHasItsBuilder reads the source: each builder stands in the table above, and nothing
// outside keys.go spells a key.
func TestEveryKeyHasItsBuilder(t *testing.T) {
	source, err := os.ReadFile("keys.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`func (\w+Key)\(`).FindAllStringSubmatch(string(source), -1) {
		if _, ok := allKeys()[m[1]]; !ok {
			t.Errorf("%s is not in the table", m[1])
		}
	}
	spelt := regexp.MustCompile(`"(\{[uoe]:|:(session|seen|orders|esims|due|state|log|counted|stats|blocked|asked|links|relays)[":]|(iccid|pi|catalog|stats|claim|secret|relay|rate):)`)
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("source files %v, %v", files, err)
	}
	for _, f := range files {
		if f == "keys.go" || strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(b), "\n") {
			if spelt.MatchString(line) && !strings.Contains(line, "json:") && !strings.Contains(line, "import") {
				t.Errorf("%s:%d spells a key: %s", f, i+1, strings.TrimSpace(line))
			}
		}
	}
}

// TestPartitionsAreUsedEvenly sees that ids spread over all partitions.
func TestPartitionsAreUsedEvenly(t *testing.T) {
	const draws = 8000
	var count [orderPartitions]int
	for range draws {
		id, err := orders.NewID(nil)
		if err != nil {
			t.Fatal(err)
		}
		count[partition(string(id), orderPartitions)]++
	}
	for n, c := range count {
		if c < draws/orderPartitions*8/10 || c > draws/orderPartitions*12/10 {
			t.Errorf("partition %d has %d of %d", n, c, draws)
		}
	}
}
