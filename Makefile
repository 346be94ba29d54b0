# Start here: `make dev` needs the Rust toolchain and apt. `make test` also needs Node and Python.
.PHONY: dev test test-busy test-rust test-hooks test-browser simulate simulate-bugs planted-bug bench bench-api bench-fairness bench-feed openapi docs check-docs sql-data check-sql postgres

# The program is built first and then started directly. `cargo run` would pass its own variables to the cargo inside,
# which would then rebuild half of the dependencies.
TARGET := $(or $(CARGO_TARGET_DIR),target)

dev: postgres ## Run everything locally: private database, local network, indexer, API, page
	cargo run --locked -- dev $(ARGS)

test: test-rust test-hooks test-browser ## Run every test

test-busy: ## Run every test three times beside four busy loops, and print how long each round took
	.ci/test-busy

test-rust: postgres ## Run the Rust tests against a private database
	.ci/install pgbouncer PgBouncer pgbouncer
	.ci/install redis-server Redis redis-server
	cargo build --locked
	$(TARGET)/debug/flowfi-indexer postgres -- cargo test --locked --workspace

test-hooks: ## Test the package for dashboards, build it and check its size. Needs Node 20.19
	.ci/npm-ci frontend-hooks
	cd frontend-hooks && npm test && npm run check

test-browser: postgres ## Test what clients see: the API document, a browser, nginx, wallets, examples. Needs Node 20.19, npm, python3-venv
	cargo build --locked
	tests/clients/run

simulate: postgres ## Run the simulation with many seeds: SEEDS=1000, starting at FIRST_SEED; SEED=17 repeats one
	cargo build --locked
	$(TARGET)/debug/flowfi-indexer postgres -- cargo test --locked --test simulation every_history

simulate-bugs: postgres ## Check that the simulation finds each planted bug: FLOWFI_PLANTED_BUG=name checks one
	cargo build --locked
	$(TARGET)/debug/flowfi-indexer postgres -- tests/planted/run

planted-bug: ## Turn the unstaged changes in src into a planted bug: NAME=holeSkipped SAYS='…', see tests/planted/README.md
	@tests/planted/write-patch "$(NAME)" "$(SAYS)"

bench: postgres ## Measure catch-up, latency and backfill, in release
	cargo build --locked --release
	$(TARGET)/release/flowfi-indexer postgres --durable -- cargo bench --locked --bench main_job
	cargo bench --locked --bench backfill

bench-api: postgres ## Measure API requests, in release
	cargo build --locked --release
	$(TARGET)/release/flowfi-indexer postgres --durable -- cargo bench --locked --bench api

bench-fairness: postgres ## Measure how attackers within the limits affect others, in release
	cargo build --locked --release
	$(TARGET)/release/flowfi-indexer postgres --durable -- cargo bench --locked --bench fairness

bench-feed: postgres ## Measure ten thousand event streams beside nchan, in release
	.ci/install /usr/lib/nginx/modules/ngx_nchan_module.so "nginx with nchan" nginx libnginx-mod-nchan
	cargo build --locked --release --manifest-path benches/sseload/Cargo.toml
	cargo build --locked --release
	$(TARGET)/release/flowfi-indexer postgres --durable -- cargo bench --locked --bench feed

openapi: ## Update openapi/openapi.json after a change of the API
	cargo build --locked
	mkdir -p openapi
	$(TARGET)/debug/flowfi-indexer openapi > openapi/openapi.json

docs: ## Update docs/configuration.md after a change of a flag
	cargo build --locked
	.ci/docs write $(TARGET)/debug/flowfi-indexer

check-docs: ## Check that docs/configuration.md is up to date, and that the documentation's links, flags and defaults are right
	cargo build --locked
	.ci/docs check $(TARGET)/debug/flowfi-indexer

# After a change of a query, the program does not build until this is done. So the last build runs it.
sql-data: postgres ## Update .sqlx after a change of a query
	$(TARGET)/debug/flowfi-indexer postgres -- .ci/sql-data write

check-sql: postgres ## Check that .sqlx is up to date
	cargo build --locked
	$(TARGET)/debug/flowfi-indexer postgres -- .ci/sql-data check

postgres: # Install PostgreSQL with apt if it is missing
	@.ci/install-postgres
