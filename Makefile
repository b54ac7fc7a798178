# What there is to type in this project. `make` alone prints it.

GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help build setup test verify generate lint fuzz fuzz-long bench bench-channels scale soak soak-channels

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/gateway: static, for this machine
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/gateway ./cmd/gateway

setup: ## install what the tests need, or say what is missing
	@scripts/setup.sh

test: setup ## run everything: format, vet, all tests with the race detector, 10 s of each fuzz target
	@scripts/with-postgres.sh $(MAKE) --no-print-directory verify

# verify is test where all that it needs is there. That generated files are fresh is one of
# the tests.
verify:
	scripts/check-format.sh
	$(GO) vet ./...
	$(GO) test -race -timeout 12m ./...
	scripts/test-without-race.sh
	cd test/conformance && $(GO) vet ./... && $(GO) test -timeout 8m ./...
	scripts/fuzz.sh 10s

generate: ## write schema/ and docs/reference/ anew from the descriptions in the code
	mkdir -p schema docs/reference
	$(GO) run ./cmd/gateway schema > schema/gateway.schema.json.new
	mv schema/gateway.schema.json.new schema/gateway.schema.json
	$(GO) run ./cmd/gateway schema --pages docs/reference

lint: ## format, vet and staticcheck
	scripts/check-format.sh
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

fuzz: ## 10 s of each fuzz target
	@scripts/with-postgres.sh scripts/fuzz.sh 10s

fuzz-long: ## 10 minutes each: routing against its reference, expressions against the VM, the loader, resources, frames
	@scripts/with-postgres.sh scripts/fuzz.sh 10m ./pkg/routes FuzzLookup ./pkg/expr FuzzNativeAgainstVM ./pkg/app FuzzLoad \
		./pkg/app FuzzResource ./pkg/app FuzzResourcePostgres \
		./pkg/channels FuzzDecode ./pkg/channels FuzzDecodeV1 ./pkg/channels FuzzDecodeBinary ./pkg/server FuzzFrames

bench: ## measure: the load scripts of bench/, beside the bare limits
	bench/run.sh

bench-channels: ## measure: channels beside a bare gorilla server, with their bounds
	bench/channels.sh

scale: ## 10,000 routes: check, reload and lookup within their bounds
	$(GO) run ./bench/scale

soak: ## the reload tests over and over: 100 reloads under load, 1,000 reloads with a flat heap
	$(GO) test -run Reload -count 10 -timeout 30m ./pkg/server

soak-channels: ## ten minutes of 5,000 clients that join, push, leave and vanish, with a reload every 5 s
	GATEWAY_SOAK=10m $(GO) test -run TestChannelsSoak -v -timeout 20m ./pkg/server
