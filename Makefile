# Vedette. `make demo` shows what it does, `make test` proves it; `make help` lists the rest.

GO      ?= go

LDFLAGS  = -s -w

# Packages whose tests run processes or measure time: without the race detector,
# one package at a time.
PROCESS_TESTS = ./integration/...
# Whole clusters of sentinels in virtual time, thousands of goroutines: now and then the
# race detector crashes over them (CHECK failed in tsan_rtl.cpp), so it is for `make nightly`.
CLUSTER_TESTS = ./sentinel
UNIT_TESTS    = $(shell $(GO) list ./... | grep -v -e /integration -e '/sentinel$$')

.PHONY: build demo test nightly check bench bench-sentinel profile fuzz image clean help

build: ## build ./vedette, a static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o vedette .

demo: build ## kill, freeze and fail over a real set on loopback, and show what happened
	./vedette demo

# The tests of main are the layout's: for them nothing has to be compiled by default.pgo.
test: ## run every test; what needs a program that is missing is left out and named
	@./integration/missing.sh
	$(GO) test -race -pgo=off -timeout 15m $(UNIT_TESTS)
	$(GO) test -timeout 15m $(CLUSTER_TESTS)
	$(GO) test -count=1 -timeout 20m -p 1 $(PROCESS_TESTS)

SEEDS ?= 10000
FROM  ?= 1
nightly: ## sentinels under the race detector; the simulator lives through SEEDS=10000 schedules of faults
	$(GO) test -race -timeout 15m $(CLUSTER_TESTS)
	$(GO) test -c -o bin/sim.test ./integration/sim
	cd integration/sim && ../../bin/sim.test -test.run '^TestSeeds$$' -test.timeout 24h -seeds $(SEEDS) -from $(FROM) -report 1m

check: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { echo 'gofmt would change:'; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

PAIRS ?= 15
WHAT  ?= serving memory snapshot fullsync failover
bench: build ## measure against redis-server and Redis Sentinel, interleaved: PAIRS=15 WHAT='serving ...'
	$(GO) run ./integration/bench -pairs $(PAIRS) $(BENCHFLAGS) $(WHAT)

bench-sentinel: build ## measure what watching 1, 100 and 1000 masters costs, beside Redis Sentinel
	$(GO) run ./integration/bench -pairs 3 $(BENCHFLAGS) sentinels

profile: ## write default.pgo anew, by which the compiler decides what to inline
	$(GO) test ./server -run '^$$' -bench 'Serving|Commands|LargeCollections' -benchtime 2s -cpuprofile default.pgo -o bin/server.test

FUZZTIME ?= 30s
fuzz: ## fuzz every target for FUZZTIME each
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg || exit 1; \
	  done; \
	done

image: ## build the container image vedette:latest
	deploy/image.sh

clean: ## remove what the other targets made
	rm -rf vedette bin

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24
