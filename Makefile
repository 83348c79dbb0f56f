# coffer: make <target>
#
# race lists the packages that `make test` runs under the race detector; the rest
# run without it, because ciphers and long model runs are many times slower there.

GO    ?= go
TAGS  := -tags invariants
TOOLS := sh internal/testkit/install-tools.sh
TEST  := $(GO) test $(TAGS) -p 2 -timeout 9m
FUZZTIME ?= 30s
race  := ./internal/nbd/... ./internal/meta/... ./internal/audit/... ./internal/metrics/... ./internal/testkit/...

.PHONY: usage build demo test race fuzz crash bench lint

usage:
	@echo 'usage: make build | demo | test | race | fuzz | crash | bench | lint'

build:
	$(GO) build -trimpath -o bin/coffer ./cmd/coffer

demo: build
	@$(TOOLS) demo && PATH="$$PATH:/usr/sbin" sh cmd/coffer/demo.sh bin/coffer

test: lint
	@$(TOOLS) test && $(TEST) -race $(race) && $(TEST) $$($(GO) list ./... | grep -vxF "$$($(GO) list $(race))") \
	&& $(GO) -C internal/awsapi/sdktest test ./...

race:
	@$(TOOLS) test && $(TEST) -race ./...

lint:
	$(GO) vet $(TAGS) ./... && $(GO) test ./internal/lint

fuzz:
	@grep -rn --include='*_test.go' -oE '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's|^(.*)/[^/]*:[0-9]+:func (.*)|\1 \2|' | while read -r pkg name; do $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; done

bench: build
	$(GO) test -run '^$$' -bench . ./... && bin/coffer bench aead --quick
