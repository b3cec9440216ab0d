# Everything here works on a machine that has Go, git and make.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export GOFLAGS := -buildvcs=false

TOOL     := go tool -modfile=$(CURDIR)/tools/go.mod
PLUGINS  := build test policy deploy
BINARIES := bin/runner $(PLUGINS:%=bin/runner-plugin-%)
LDFLAGS  := -s -w
FUZZTIME ?= 20s

.PHONY: help
help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the runner and its plugins into bin/
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/runner ./cmd/runner
	@for p in $(PLUGINS); do \
		echo "go build -o bin/runner-plugin-$$p ./plugins/$$p"; \
		CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/runner-plugin-$$p ./plugins/$$p; \
	done

.PHONY: devcluster
devcluster: ## Build the embedded Kubernetes (ten minutes when nothing is cached)
	@mkdir -p bin
	@[ -x bin/devcluster ] || echo "building the embedded Kubernetes; this takes up to ten minutes, once"
	@version=$$(go -C devcluster list -m -f '{{.Version}}' k8s.io/kubernetes); \
	go -C devcluster build -trimpath -o ../bin/devcluster \
		-ldflags "$(LDFLAGS) -X k8s.io/component-base/version.gitVersion=$$version" .

.PHONY: demo
demo: build devcluster ## Release a real model to the embedded Kubernetes
	@./examples/demo up

.PHONY: demo-down
demo-down: ## End what the demo has started
	@./examples/demo down

.PHONY: test
test: build devcluster ## Run all tests
	STAGEGATE_BIN=$(CURDIR)/bin go test ./...
	go -C devcluster test -trimpath ./...

.PHONY: race
race: build ## Run the tests with the race detector
	STAGEGATE_BIN=$(CURDIR)/bin go test -race ./core/... ./sdk/... ./plugins/...

.PHONY: lint
lint: ## Check style, import rules and the protocol
	$(TOOL) golangci-lint config verify
	$(TOOL) golangci-lint run ./...
	cd sdk/proto && $(TOOL) buf lint

.PHONY: generate
generate: ## Make generated code and references again
	cd sdk/proto && $(TOOL) buf generate
	go generate ./...

.PHONY: generate-check
generate-check: generate ## Fail when anything generated is stale
	@git diff --exit-code -- sdk docs plugins || { echo "generated files are stale: commit the result of make generate"; exit 1; }

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME
	@grep -rlE '^func Fuzz' --include='*_test.go' core sdk plugins | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$file"); do \
			echo "fuzz $$(dirname "$$file") $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
		done; \
	done

.PHONY: bench
bench: build ## Measure against fork/exec and make, side by side
	STAGEGATE_BIN=$(CURDIR)/bin go run ./bench

.PHONY: cover
cover: build ## Measure test coverage
	STAGEGATE_BIN=$(CURDIR)/bin go test -coverprofile=cover.out -coverpkg=./core/...,./sdk/...,./plugins/... ./core/... ./sdk/... ./plugins/...
	go tool cover -func=cover.out | tail -1
