//! One worker's database: emptied between seeds, disturbed on request, and watched.

use std::{env, time::Duration};

use flowfi_indexer::store::Store;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::sleep;

use crate::{silent_line::SilentLine, world::DEADLINE};

/// Resets the live schema, and removes every other schema that a world left.
const CLEAR: &str = "
    do $$
    declare
        name text;
    begin
        for name in select nspname from pg_namespace where nspname like 'flowfi\\_%' loop
            execute format('drop schema %I cascade', name);
        end loop;
        for name in select tablename from pg_tables where schemaname = 'public' and tablename <> '_sqlx_migrations' loop
            execute format('truncate public.%I restart identity cascade', name);
        end loop;
    end $$";
/// An empty schema. A session that searches it first holds the lock of another writer over the same tables.
const OTHER_LOCK: [(&str, &str); 1] = [("search_path", "another_lock,public")];
const DAEMON: &str = "flowfi-indexer";
const LOOK: Duration = Duration::from_millis(5);
/// How long a daemon whose connections fall silent waits for an answer.
const STATEMENT_DEADLINE: Duration = Duration::from_secs(10);
/// The simulation's own sessions are not affected by what happens to the daemons.
const CONTROL: [(&str, &str); 1] = [("default_transaction_read_only", "off")];

/// Statements fail with a serialization failure while a sequence, which rollbacks do not reset, counts up to 0.
const FAILURES: &str = "
    create schema another_lock;
    create sequence simulated_statements minvalue -1000;
    create function simulated_failure() returns trigger language plpgsql as $$
    begin
        if current_setting('application_name') = 'flowfi-indexer'
            and nextval('simulated_statements') between -2 and -1
        then
            raise exception 'simulated' using errcode = '40001';
        end if;
        return null;
    end $$;";

/// The tables that a daemon writes to.
const WRITTEN: [&str; 6] = ["cursors", "coverage", "stream_events", "streams", "quarantine", "revisions"];

pub struct Database {
    server: PgConnectOptions,
    options: PgConnectOptions,
    name: String,
    pub control: PgPool,
    /// For maintenance commands, so that the simulation itself never waits for a connection.
    pub maintenance: PgPool,
}

impl Database {
    pub async fn create(number: usize) -> Self {
        let url = env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL server; `make simulate` starts one");
        let server: PgConnectOptions = url.parse().unwrap();
        let name = format!("simulation_{}_{number}", std::process::id());
        let mut connection = PgConnection::connect_with(&server).await.unwrap();
        let create = format!("create database {name}");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        let options = server.clone().database(&name);
        let undisturbed = options.clone().options(CONTROL);
        let control = PgPoolOptions::new().max_connections(3).connect_with(undisturbed.clone()).await.unwrap();
        let maintenance = PgPoolOptions::new().max_connections(6).connect_lazy_with(undisturbed);
        Store::on(control.clone()).migrate().await.unwrap();
        sqlx::raw_sql(FAILURES).execute(&control).await.unwrap();
        Self { server, options, name, control, maintenance }
    }

    pub async fn clear(&self) {
        self.terminate(1.0).await;
        sqlx::raw_sql(CLEAR).execute(&self.control).await.unwrap();
        self.fail_statements_after(-1).await;
        self.only_read(false).await;
    }

    pub async fn remove(self) {
        self.control.close().await;
        self.maintenance.close().await;
        let mut connection = PgConnection::connect_with(&self.server).await.unwrap();
        let drop = format!("drop database {} with (force)", self.name);
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
    }

    /// Opens a store as a daemon does.
    pub async fn store(&self) -> Store {
        Store::connect(self.options.to_url_lossy().as_str(), 4, DEADLINE).await.unwrap()
    }

    /// The same over connections that can fall silent.
    pub async fn store_over_a_line(&self) -> (Store, SilentLine) {
        let line = SilentLine::to(&self.control).await;
        (line.store(4, STATEMENT_DEADLINE).await, line)
    }

    /// Makes new sessions read-only, or lets them write again.
    pub async fn only_read(&self, is_read_only: bool) {
        let set = format!("alter database {} set default_transaction_read_only = {is_read_only}", self.name);
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&self.control).await.unwrap();
    }

    /// Opens a store whose writer holds another lock, as behind a pooler that keeps none: only the fence remains.
    pub async fn store_with_another_lock(&self) -> Store {
        let options = self.options.clone().application_name(DAEMON).options(OTHER_LOCK);
        Store::on(PgPoolOptions::new().max_connections(4).connect_with(options).await.unwrap())
    }

    /// Ends the connections of daemons, each with this probability.
    pub async fn terminate(&self, probability: f64) {
        let end = "select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and application_name = $1 and random() < $2";
        sqlx::query(end).bind(DAEMON).bind(probability).execute(&self.control).await.unwrap();
    }

    /// Ends every connection of daemons, and waits until they and everything that they had begun are gone.
    pub async fn end_connections(&self) {
        let count = "select count(*) from pg_stat_activity
                     where datname = current_database() and application_name = $1";
        loop {
            self.terminate(1.0).await;
            let left: i64 = sqlx::query_scalar(count).bind(DAEMON).fetch_one(&self.control).await.unwrap();
            if left == 0 {
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// Lets this many statements succeed, then two fail. If the number is negative, none fails.
    pub async fn fail_statements_after(&self, pass: i64) {
        if pass >= 0 {
            self.arm().await;
        }
        let next = if pass < 0 { 0 } else { -2 - pass };
        let set = "select setval('simulated_statements', $1, false)";
        sqlx::query(set).bind(next).execute(&self.control).await.unwrap();
    }

    /// Adds the failing trigger to tables that a new epoch or a reindex created. It handles one table at a time:
    /// holding one lock while waiting for another could deadlock with other sessions.
    async fn arm(&self) {
        for table in WRITTEN {
            let arm = format!(
                "create or replace trigger simulated before insert or update on public.{table}
                 execute function public.simulated_failure()"
            );
            sqlx::raw_sql(AssertSqlSafe(arm)).execute(&self.control).await.unwrap();
        }
    }

    /// Returns what every other session is doing, and which session it waits for.
    pub async fn sessions(&self) -> Vec<String> {
        let look = "select format('%s of %s: %s for %s, waits for %s, behind %s: %s',
                           pid, application_name, state, clock_timestamp() - state_change,
                           coalesce(wait_event_type || ' ' || wait_event, 'nothing'),
                           pg_blocking_pids(pid), left(regexp_replace(query, '\\s+', ' ', 'g'), 160))
                    from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid()
                    order by pid";
        sqlx::query_scalar(look).fetch_all(&self.control).await.unwrap_or_else(|error| vec![error.to_string()])
    }

    pub async fn forget_reports(&self) {
        sqlx::query("delete from indexer_reports").execute(&self.control).await.unwrap();
    }

    /// Returns whether an indexer reports that it waits at a hole.
    pub async fn reports_a_hole(&self) -> bool {
        let look = "select exists (select from indexer_reports where state = 'hole')";
        sqlx::query_scalar(look).fetch_one(&self.control).await.unwrap()
    }
}
