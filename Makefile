# coffer: make <target>
#
# plain lists the packages that `make test` runs without the race detector: ciphers and
# statistics have no concurrency and are many times slower under it, and what cmd and
# pebblemeta do at once runs in processes or in Pebble. Of blockstore and nbd, which are
# slow under it, the concurrent tests run with it as well. Everything else runs with it;
# `make race` runs all. Of apart, which builds for another CPU and runs that under emulation,
# `make test` takes the ciphers alone; `make arm64` builds everything.

GO    ?= go
TAGS  := -tags invariants
TOOLS := sh internal/testkit/install-tools.sh
TEST  := $(GO) test $(TAGS) -p 2 -timeout 9m
FUZZTIME ?= 30s
plain := ./aead ./bench ./blockstore ./cmd/coffer ./internal/lint ./internal/meta/pebblemeta ./internal/nbd
apart := ./internal/testkit/arm64
concurrent := Concurrent|Engines|Ring|Stager|Journal|Landing|Socket|Walker|Failed|Started|Drain|Cut|Shutdown|Disconnect

.PHONY: usage build demo test race fuzz crash boot arm64 bench bench-peers lint

usage:
	@echo 'usage: make build | demo | test | race | fuzz | crash | boot | arm64 | bench | bench-peers | lint'

build:
	$(GO) build -trimpath -o bin/coffer ./cmd/coffer

demo: build
	@$(TOOLS) demo && PATH="$$PATH:/usr/sbin" sh cmd/coffer/demo.sh bin/coffer

test: lint
	@$(TOOLS) test && $(TEST) $(plain) && $(TEST) -race $$($(GO) list ./... | grep -vxF "$$($(GO) list $(plain) $(apart))") && $(TEST) -race ./blockstore ./internal/nbd -run '$(concurrent)' && $(TEST) $(apart) -run Ciphers && $(GO) -C internal/awsapi/sdktest test $(TAGS) ./... && $(GO) -C internal/awsapi/ocitest test $(TAGS) ./...

race:
	@$(TOOLS) test && $(TEST) -timeout 40m -race $$($(GO) list ./... | grep -vxF "$$($(GO) list $(apart))")

lint:
	$(GO) vet $(TAGS) ./... && $(GO) test $(TAGS) ./internal/lint

fuzz:
	@grep -rn --include='*_test.go' -oE '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's|^(.*)/[^/]*:[0-9]+:func (.*)|\1 \2|' | while read -r pkg name; do $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; done

crash:
	@$(TOOLS) test && $(GO) test $(TAGS) -timeout 9h ./blockstore -run 'Crash|Tamper|Model' -args -crash.points 20000 -tamper.cases 10000 -model.runs 3000 && $(GO) test $(TAGS) -timeout 9h ./cmd/coffer -run 'Kill|DiskFull' -args -kill.rounds 500 -kill.keyrounds 500

boot:
	@$(TOOLS) test && $(GO) test $(TAGS) ./cmd/coffer -run Boot -args -boot.all

arm64:
	@$(TOOLS) arm64 && $(TEST) $(apart)

bench: build
	$(GO) test -run '^$$' -bench . ./... && bin/coffer bench aead --quick && bin/coffer bench kms --quick

# PEERS are flags of `coffer bench peers`: --size 8589934592 --dir DIR --rows randwrite,seq …
bench-peers: build
	@$(TOOLS) bench-peers && PATH="$$PATH:/usr/sbin" bin/coffer bench peers --json bench-peers.json --html bench-peers.html $(PEERS)
