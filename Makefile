.DEFAULT_GOAL := help
.PHONY: help run build test race lint bench bench-each bench-usage e2e screens fuzz vuln golden sim

FUZZTIME ?= 60s
FUZZ ?= .
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.3.0
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

run: ## the whole shop on this machine: open http://127.0.0.1:8080
	go run ./cmd/bot sandbox

build: ## the static binary, as the Dockerfile builds it
	CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o bin/bot ./cmd/bot

test: ## every test; those that need redis-server or chromium skip aloud without them
	go test ./...

race: ## the tests under the race detector
	go test -race -skip '^Test(Kill[A-Z]|Cluster|Browser)' ./...

lint: ## format, vet, golangci-lint
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run $(GOLANGCI_LINT) run ./...

bench: ## taps against other bots, purchases, memory, start; about 7 minutes; BENCH_OUT=docs/performance.md writes it down
	go run ./bench $(if $(BENCH_OUT),-write $(BENCH_OUT)) $(BENCH_ARGS)

bench-each: ## every Go benchmark: round trips, calls, allocations and time of what happens most
	go test -run '^$$' -bench . -benchmem ./...

bench-usage: ## a million watched eSIMs on real Redis, then whole lives and kills; about 8 minutes and 3 GB; BENCH_ESIMS, BENCH_LIVES
	BENCH_ESIMS=$${BENCH_ESIMS:-1000000} BENCH_LIVES=$${BENCH_LIVES:-20000} \
		go test -count=1 -v -timeout 60m -run '^Test(UsageAtScale|UsageForLife|ReplicasEnd)$$' ./store

e2e: ## customers' journeys on one Redis, on a cluster, on two replicas while a version is rolled out, and in a browser
	go test -count=1 -v -run '^Test(Suite|ClusterSuite|KillSuite|Purchase|Browser)' ./cmd/bot

screens: ## a picture of each screen into screens/
	SCREENS_DIR=$(CURDIR)/screens go test -count=1 -v -run '^TestBrowserScreens' ./cmd/bot

golden: ## write the golden screens anew; read the difference before committing
	go test ./flows ./locales -update

fuzz: ## each fuzz test for FUZZTIME; FUZZ=Webhook those whose name has that
	@for file in $$(grep -rl --include='*_test.go' '^func Fuzz' .); do \
		for name in $$(grep -oE '^func Fuzz[A-Za-z0-9]+' $$file | cut -c6- | grep -E '$(FUZZ)'); do \
			echo "$$(dirname $$file) $$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$(dirname $$file) || exit 1; \
		done; \
	done

vuln: ## what is known against the modules in use; says aloud where that can't be asked
	@out=$$(go run $(GOVULNCHECK) ./... 2>&1) && status=0 || status=1; echo "$$out"; \
	case "$$out" in *"exit status 3"*) exit 1 ;; esac; \
	[ $$status = 0 ] || echo "NOT CHECKED: the vulnerability database can't be reached from here, so nothing is known about the modules"

sim: ## 100,000 orders in worlds where everything goes wrong; SIM_SEED tells other stories
	SIM_ORDERS=$${SIM_ORDERS:-100000} go test -count=1 -v -timeout 30m -run '^TestSimulation$$' ./orders/simulation
