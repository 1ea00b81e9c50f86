# The two commands that matter: `make run` sets up this machine, builds, runs the
# text suite and leaves a report; `make test` sets up and passes the tests.

GOLANGCI_LINT := v2.15.0
BIN := bin
export CGO_ENABLED := 1

.PHONY: run test race build jp2 opencv deps lint test-torch bench clean help

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: build ## Run the text suite over the baselines, into runs/
	$(BIN)/vtbench run --suite text

build: deps ## Build bin/vtbench
	go build -o $(BIN)/vtbench ./cmd/vtbench

jp2: ## Build bin/vtbench-jp2, JPEG 2000 by OpenCV (needs libopencv-dev), and test it
	@pkg-config --exists opencv4 || { echo "OpenCV is missing: apt-get install libopencv-dev" >&2; exit 5; }
	go build -tags opencv -o $(BIN)/vtbench-jp2 ./cmd/vtbench-jp2
	go test -tags opencv ./cmd/vtbench-jp2

opencv: ## Build bin/vtbench-opencv, which runs face networks in OpenCV (needs libopencv-dev), and test it
	@pkg-config --exists opencv4 || { echo "OpenCV is missing: apt-get install libopencv-dev" >&2; exit 5; }
	go build -tags opencv -o $(BIN)/vtbench-opencv ./cmd/vtbench-opencv
	VTBENCH_OPENCV=$(CURDIR)/$(BIN)/vtbench-opencv go test ./metrics/face -run OpenCV

test: deps ## Run all tests
	go test ./...
	cd checks && go test ./...

race: deps ## Run all tests under the race detector
	go test -race -timeout 30m ./...

deps: ## Install what the machine lacks (Debian 12, Ubuntu 24.04); nothing when all is there
	@scripts/deps.sh

lint: deps $(BIN)/golangci-lint-$(GOLANGCI_LINT) ## Vet, lint and check the formatting
	go vet ./...
	$(BIN)/golangci-lint-$(GOLANGCI_LINT) run ./...
	cd checks && go vet ./... && ../$(BIN)/golangci-lint-$(GOLANGCI_LINT) run ./...

$(BIN)/golangci-lint-$(GOLANGCI_LINT):
	GOBIN=$(CURDIR)/$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	mv $(BIN)/golangci-lint $@

test-torch: deps ## Test the Python SDK with real PyTorch and diffusers, in .venv/torch
	examples/tokenizers/setup-torch.sh .venv/torch
	PYTHONPATH=tokenizers/process/python .venv/torch/bin/python -m unittest discover -s tokenizers/process/python/tests
	VTBENCH_TORCH_PYTHON=$(CURDIR)/.venv/torch/bin/python go test ./tokenizers/process -run Torch

bench: deps ## Run all benchmarks
	go test -run '^$$' -bench . -benchmem ./...

clean: ## Remove what was built
	rm -rf $(BIN)
