# The two commands that matter: `make run` sets up this machine, builds, runs the
# text suite and leaves a report; `make test` sets up and passes the tests.

GOLANGCI_LINT := v2.15.0
NFPM := v2.43.4
BIN := bin
TORCH := .venv/torch
ZOO := .venv/zoo
NEURAL := .venv/neural
export CGO_ENABLED := 1
# What is tested is built as what is packed.
export GOFLAGS := $(filter-out -trimpath,$(shell go env GOFLAGS)) -trimpath

.PHONY: run test test-browser race fuzz torture merged build dist dist-test deps deps-torch deps-zoo deps-multilingual deps-browser deps-video lint test-torch test-zoo train-neural tidy bench claims clean help

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: build ## Run the text suite over the baselines, into runs/
	$(BIN)/vtbench run --suite text

build: deps ## Build bin/vtbench, bin/vtbench-opencv, its helper for faces and JPEG 2000, and bin/vtbench-work, which measures for runs elsewhere
	go build -o $(BIN)/ ./cmd/vtbench ./cmd/vtbench-opencv ./cmd/vtbench-work

test: build ## Run all tests
	go test ./...
	cd checks && go test ./...

test-browser: deps deps-browser ## Look at the pages in headless Chromium; BROWSER='-run TestViews -shots /tmp/shots'
	cd checks/browser && go test $(BROWSER) .

race: deps ## Run the tests of what is concurrent under the race detector
	go test -race -timeout 20m $$(scripts/concurrent.sh)

fuzz: deps ## Fuzz every target for FUZZTIME=60 seconds; scripts/fuzz.sh says what else can be set
	scripts/fuzz.sh

torture: build ## Attack the program by signals, full disks, hostile plug-ins and files; TORTURE=-short, '-kind KILL -seed 2'
	go -C checks run ./torture -bin $(CURDIR)/$(BIN) $(TORTURE)

dist: deps $(BIN)/nfpm-$(NFPM) ## Make dist/: a .deb, a tar.gz and a wheel that carry the program, and their check sums
	NFPM=$(CURDIR)/$(BIN)/nfpm-$(NFPM) scripts/dist/dist.sh

$(BIN)/nfpm-$(NFPM):
	GOBIN=$(CURDIR)/$(BIN) go install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM)
	mv $(BIN)/nfpm $@

dist-test: dist ## Install each package where nothing of it is, and run the text suite there; DIST_TEST=contents|twice|venv|debian for a part
	NFPM=$(CURDIR)/$(BIN)/nfpm-$(NFPM) scripts/dist/test.sh $(DIST_TEST)

merged: build ## Hold merged shards against one run, for every suite; SUITES='text face' names some
	scripts/merged.sh $(SUITES)

deps: ## Install what building, running and testing need (Debian 12, Ubuntu 24.04); nothing when all is there
	@scripts/deps.sh

deps-torch: deps ## Install PyTorch and diffusers into .venv/torch
	@scripts/deps.sh torch
	@test -x $(TORCH)/bin/python || examples/tokenizers/setup-torch.sh $(TORCH)

deps-zoo: deps ## Install the releases that the zoo is tested with into .venv/zoo (7 GB)
	@test -x $(ZOO)/bin/python || VTBENCH_TORCH=zoo examples/tokenizers/setup-torch.sh $(ZOO)

deps-multilingual: deps ## Install the fonts and Tesseract models of the suite multilingual
	@scripts/deps.sh multilingual

deps-browser: deps ## Install Chromium, for test-browser
	@scripts/deps.sh browser

deps-video: deps ## Fetch ffmpeg, which films are read and coded with (70 MB)
	@scripts/deps.sh video

lint: deps $(BIN)/golangci-lint-$(GOLANGCI_LINT) ## Vet, lint and check the formatting
	go vet ./...
	$(BIN)/golangci-lint-$(GOLANGCI_LINT) run ./...
	cd checks && go vet ./... && ../$(BIN)/golangci-lint-$(GOLANGCI_LINT) run ./...
	cd checks/browser && go vet ./... && ../../$(BIN)/golangci-lint-$(GOLANGCI_LINT) run ./...

$(BIN)/golangci-lint-$(GOLANGCI_LINT):
	GOBIN=$(CURDIR)/$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	mv $(BIN)/golangci-lint $@

test-torch: build deps-torch ## Test the Python SDK and the README's example with real PyTorch and diffusers, and the recipe of tokenizers/neural
	VTBENCH_BIN=$(CURDIR)/$(BIN)/vtbench PYTHONPATH=tokenizers/process/python $(TORCH)/bin/python -m unittest discover -s tokenizers/process/python/tests
	VTBENCH_TORCH_PYTHON=$(CURDIR)/$(TORCH)/bin/python go test -timeout 20m ./tokenizers/process ./tokenizers/neural ./tokenizers/ptq ./cmd/vtbench/internal/cli -run Torch

test-zoo: build deps-zoo ## Test all presets of the zoo with current releases, and write what conform said (half an hour)
	VTBENCH_BIN=$(CURDIR)/$(BIN)/vtbench PYTHONPATH=tokenizers/process/python VTBENCH_ZOO=all $(ZOO)/bin/python -m unittest discover -s tokenizers/process/python/tests
	VTBENCH_ZOO=all VTBENCH_TORCH_PYTHON=$(CURDIR)/$(ZOO)/bin/python VTBENCH_ZOO_RESULTS=$(CURDIR)/tokenizers/zoo/testdata/conform.json go test -timeout 90m ./cmd/vtbench/internal/cli -run TorchZoo -v
	go test ./tokenizers/zoo -run Docs -update

train-neural: deps-torch ## Train the networks of tokenizers/neural anew, on one core; goes on where it was stopped
	go run ./tokenizers/neural/train/images -o $(NEURAL)/images
	$(TORCH)/bin/python tokenizers/neural/train/train.py --images $(NEURAL)/images --out $(NEURAL)/run
	$(TORCH)/bin/python tokenizers/neural/train/export.py --images $(NEURAL)/images --run $(NEURAL)/run --out tokenizers/neural/models --cases tokenizers/neural/testdata/cases.json

tidy: ## Bring all go.mod files up to date, after a new dependency
	go mod tidy
	cd checks && go mod tidy
	cd checks/browser && go mod tidy

claims: build deps-video ## Measure what published quantizers claim, into docs/rules.md and docs/weights.md, and plot them
	rm -rf runs/rules
	$(BIN)/vtbench run --suite tokenizers/quant/claims/rules.yaml -o runs/rules
	go run ./tokenizers/quant/claims
	rm -rf runs/weights-rules runs/weights
	$(BIN)/vtbench run --suite tokenizers/ptq/claims/weights.yaml -o runs/weights-rules
	$(BIN)/vtbench run --suite weights -o runs/weights
	go run ./tokenizers/ptq/claims

bench: build ## Run all benchmarks
	go test -run '^$$' -bench . -benchmem ./...

clean: ## Remove what was built
	rm -rf $(BIN)
