# People and CI call the same targets.
CARGO ?= cargo
CONFIG ?= config/smallest.yaml
FUZZ_CASES ?= 20000
# Where cargo puts what it builds is for its settings to say.
BINARY = $$($(CARGO) metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/stepgate

.PHONY: help demo run test webauthn check lint bench browser api races timing fuzz geoip fresh deny image setup-build setup-test setup-bench

help: ## what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup-build ## one process, no servers needed: a sample app behind the gateway
	@[ -x "$(BINARY)" ] || echo "building Stepgate: about 3 minutes on two CPUs, the first time only" >&2
	@$(CARGO) build --bin stepgate
	@$(CARGO) run --quiet --bin stepgate -- demo $(ARGS)

run: setup-build ## serve CONFIG=file.yaml
	$(CARGO) run --quiet -- run -c $(CONFIG)

# Many unit tests wait for a server: two for each processor keep it busy. Those of whole gateways fill it by themselves.
test: setup-test ## everything that must pass: units, real servers, real browser
	$(CARGO) test --no-run
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(( $$(nproc) * 2 ))} $(CARGO) test --lib
	$(CARGO) test --bins --test it
	$(MAKE) --no-print-directory browser
	$(MAKE) --no-print-directory api

browser: setup-test ## the real-browser and interoperability tests alone
	$(CARGO) build
	cd tests/browser && STEPGATE="$${STEPGATE:-$(BINARY)}" node --test --test-concurrency=2 --test-reporter=spec *.test.mjs

api: setup-test ## generated calls against the document of the API that a running demo serves (a minute)
	$(CARGO) build
	tests/api/.venv/bin/python tests/api/run.py "$${STEPGATE:-$(BINARY)}"

webauthn: setup-build ## a hundred thousand changed answers of an authenticator, of which none may be accepted (a minute)
	$(CARGO) test --lib --release -q no_mutant_of_a_hundred_thousand -- --ignored --nocapture

check: setup-build ## does it compile, quickly
	$(CARGO) check --all-targets

lint: setup-build ## format and lints, warnings refused
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings

bench: setup-bench ## side by side with a bare proxy and nginx, in one run (minutes)
	$(CARGO) build --release --bin stepgate --example bare_pingora
	python3 benches/gateway/run.py
	$(CARGO) bench --bench heart

races: setup-test ## every race over two nodes in fifty rounds (minutes)
	RACE_ROUNDS=50 $(CARGO) test --test it -- --nocapture races:: cluster::one_code shared_sign_in::a_handoff

timing: setup-test ## whether the time of an answer tells that somebody has a name (ten minutes)
	$(CARGO) build --release --bin stepgate
	python3 benches/timing/run.py "$${STEPGATE:-$$(dirname "$(BINARY)")/../release/stepgate}"

fuzz: setup-build ## the generated tests with FUZZ_CASES cases each (minutes)
	PROPTEST_CASES=$(FUZZ_CASES) $(CARGO) test --lib -- auth:: risk:: cli::risk config::tests::fuzz store::vault store::places proxy::client::h1_framing proxy::upstream::rewrite proxy::tests::hygiene proxy::tests::kept_connections proxy::tests::forms portal::cookies portal::settings portal::tests::tabs
	PROPTEST_CASES=$(FUZZ_CASES) $(CARGO) test --test it -- differential

geoip: setup-build ## the 73 databases by which readers of the format are tested (from PyPI), each opened and asked
	tests/geoip/run $(CARGO)

fresh: ## both README commands in a minimal Debian root, from a clean clone (root; half an hour)
	tools/fresh

image: ## the steps of deploy/Dockerfile without a container engine (root; a release build)
	tools/image

deny: ## licences, sources, banned and vulnerable packages (installs cargo-deny)
	command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check

setup-build setup-test setup-bench: setup-%:
	@tools/install $*
