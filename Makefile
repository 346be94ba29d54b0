# What a newcomer needs: `make dev` and `make test`. Both work on a machine with only the Rust toolchain and apt.
.PHONY: dev test test-rust bench sql-data check-sql postgres

dev: postgres ## Run everything locally: private database, local network, indexer, API, page
	cargo run --locked -- dev $(ARGS)

test: test-rust ## Run every test

test-rust: postgres ## Run the Rust tests against a private database
	cargo run --quiet --locked -- postgres -- cargo test --locked

bench: postgres ## Measure catch-up and latency, in release
	cargo run --quiet --locked --release -- postgres --durable -- cargo bench --locked --bench main_job

# After a change of a query the program does not build until this is done, so the one that was built last runs it.
sql-data: postgres ## Write .sqlx anew after a change of a query
	target/debug/flowfi-indexer postgres -- .ci/sql-data write

check-sql: postgres ## Check that .sqlx is fresh
	cargo run --quiet --locked -- postgres -- .ci/sql-data check

postgres: # Install PostgreSQL if the machine has none and has apt
	@.ci/install-postgres
