//! A database with a million events and a hundred thousand streams, as an indexer at the tip leaves it. It is used by
//! the test of query plans and by the benchmark of the API.

use flowfi_indexer::{
    domain::{Address, ContractId},
    store::{Store, Writer},
};
use sqlx::{Executor, PgPool};

pub const USERS: u32 = 1_000;
pub const TOKENS: u32 = 20;

const USER: u8 = 1;
const TOKEN: u8 = 2;

/// Users and tokens with lower numbers are busier, as on any chain: the busiest user sends 3 % of the streams, and the
/// most common token has 37 % of them.
pub fn user(number: u32) -> Address {
    address(USER, number)
}

pub fn token(number: u32) -> Address {
    address(TOKEN, number)
}

fn address(kind: u8, number: u32) -> Address {
    let mut bytes = [kind; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    ContractId::from_bytes(bytes).into()
}

/// Fills the tables and creates the indexes of lists.
pub async fn fill(pool: &PgPool, contract: &ContractId) {
    fill_tables(pool, contract).await;
    let mut writer = Writer::try_acquire(&Store::on(pool.clone()), contract.clone().into()).await.unwrap().unwrap();
    writer.index_for_queries().await.unwrap();
    writer.release().await.unwrap();
}

/// Fills the tables of any version.
pub async fn fill_tables(pool: &PgPool, contract: &ContractId) {
    let texts = |kind, count| -> Vec<String> { (0..count).map(|number| address(kind, number).to_string()).collect() };
    let mut connection = pool.acquire().await.unwrap();
    sqlx::raw_sql("create temporary table facts (users text[], tokens text[], contract text)")
        .execute(&mut *connection)
        .await
        .unwrap();
    sqlx::query("insert into facts values ($1, $2, $3)")
        .bind(texts(USER, USERS))
        .bind(texts(TOKEN, TOKENS))
        .bind(contract.as_str())
        .execute(&mut *connection)
        .await
        .unwrap();
    connection.execute(sqlx::raw_sql(include_str!("filled.sql"))).await.unwrap();
}
