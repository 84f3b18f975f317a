# make demo   practice servers and the screens
# make build  the program, at bin/brokeforge
# make test   everything that is checked
# make bench  how fast it is, as ratios
GO ?= go
export CGO_ENABLED = 0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: build demo test bench format vet staticcheck vulnerabilities unit cross e2e golden clean

build:
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/brokeforge .

demo: build
	@e2e/hosts/need.sh || true
	@$(GO) build -o bin/demo ./e2e/demo
	@bin/demo bin/brokeforge

test: format vet staticcheck vulnerabilities cross unit e2e

format:
	@unformatted=$$($(GO) tool gofumpt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...
	GOOS=darwin $(GO) vet . ./cmd/... ./ui/... ./packages/... ./sshrun/... ./store/...

staticcheck:
	$(GO) tool staticcheck ./...

# The vulnerability database is on the network; where it can't be reached the
# rest must still be checked.
vulnerabilities:
	@if out=$$($(GO) tool govulncheck ./... 2>&1); then echo "govulncheck: nothing known"; \
	elif echo "$$out" | grep -q '^Vulnerability #'; then echo "$$out"; exit 1; \
	else echo "govulncheck can't run here: $$(echo "$$out" | tail -n 1)"; fi

cross:
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
		echo "build for $$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build -o /dev/null . || exit 1; \
	done

# The race detector needs cgo.
unit:
	CGO_ENABLED=1 $(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v '/e2e')

# On real Debian hosts, which need root on a Debian machine; where there can be
# none the tests say so, and with CI=true they fail. Tests wait for much, a reboot or
# a minute that is over, so that three at a time keep two cores busy.
e2e:
	@e2e/hosts/need.sh
	$(GO) test -count=1 -timeout 80m -parallel 3 -p 1 ./e2e/...

bench:
	@e2e/hosts/need.sh
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m ./e2e/...
	$(GO) test -run '^$$' -bench . ./store ./sshrun/... ./ui/...

# Writes the golden files anew: look at the difference before it is kept.
golden:
	$(GO) test ./ui/... ./packages/... -update

clean:
	rm -rf bin
