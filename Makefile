# What a newcomer needs: `make dev`, with the Rust toolchain and apt, and `make test`, which also needs Node and Python.
.PHONY: dev test test-busy test-rust test-hooks test-browser simulate simulate-bugs planted-bug bench bench-api bench-fairness openapi docs check-docs sql-data check-sql postgres

# The program is built first and then started by itself: under `cargo run` it would hand cargo's own variables on to
# the cargo inside, which then builds half of the dependencies once more.
TARGET := $(or $(CARGO_TARGET_DIR),target)

dev: postgres ## Run everything locally: private database, local network, indexer, API, page
	cargo run --locked -- dev $(ARGS)

test: test-rust test-hooks test-browser ## Run every test

test-busy: ## Run every test three times in a row next to four busy loops, and say how long each round took
	.ci/test-busy

test-rust: postgres ## Run the Rust tests against a private database
	.ci/install-pgbouncer
	cargo build --locked
	$(TARGET)/debug/flowfi-indexer postgres -- cargo test --locked --workspace

test-hooks: ## Test the package for dashboards, build it and look at its size. Needs Node 20.19
	.ci/npm-ci frontend-hooks
	cd frontend-hooks && npm test && npm run check

test-browser: postgres ## Test what clients see: the API's document, a browser, nginx, wallets, examples. Needs Node 20.19, npm, python3-venv
	cargo build --locked
	tests/clients/run

simulate: postgres ## Run many seeds of the simulation: SEEDS=1000, from FIRST_SEED on; SEED=17 repeats one
	cargo build --locked
	$(TARGET)/debug/flowfi-indexer postgres -- cargo test --locked --test simulation every_history

simulate-bugs: postgres ## Check that the simulation finds each planted bug: FLOWFI_PLANTED_BUG=name for one
	cargo build --locked
	$(TARGET)/debug/flowfi-indexer postgres -- tests/planted/run

planted-bug: ## Turn the unstaged changes in src into a planted bug: NAME=holeSkipped SAYS='…', see tests/planted/README.md
	@tests/planted/write-patch "$(NAME)" "$(SAYS)"

bench: postgres ## Measure catch-up, latency and backfill, in release
	cargo build --locked --release
	$(TARGET)/release/flowfi-indexer postgres --durable -- cargo bench --locked --bench main_job
	cargo bench --locked --bench backfill

bench-api: postgres ## Measure requests of the API, in release
	cargo build --locked --release
	$(TARGET)/release/flowfi-indexer postgres --durable -- cargo bench --locked --bench api

bench-fairness: postgres ## Measure what attackers within the limits cost others, in release
	cargo build --locked --release
	$(TARGET)/release/flowfi-indexer postgres --durable -- cargo bench --locked --bench fairness

openapi: ## Write openapi/openapi.json anew after a change of the API
	cargo build --locked
	mkdir -p openapi
	$(TARGET)/debug/flowfi-indexer openapi > openapi/openapi.json

docs: ## Write docs/configuration.md anew after a change of a flag
	cargo build --locked
	.ci/docs write $(TARGET)/debug/flowfi-indexer

check-docs: ## Check that docs/configuration.md is fresh, and that the documentation's links, flags and defaults are right
	cargo build --locked
	.ci/docs check $(TARGET)/debug/flowfi-indexer

# After a change of a query the program does not build until this is done, so the one that was built last runs it.
sql-data: postgres ## Write .sqlx anew after a change of a query
	$(TARGET)/debug/flowfi-indexer postgres -- .ci/sql-data write

check-sql: postgres ## Check that .sqlx is fresh
	cargo build --locked
	$(TARGET)/debug/flowfi-indexer postgres -- .ci/sql-data check

postgres: # Install PostgreSQL if the machine has none and has apt
	@.ci/install-postgres
