//! Data of older versions is carried over.

use flowfi_indexer::{
    domain::{ContractId, CoverageSource, LedgerRange},
    store::Store,
};
use sqlx::PgPool;

#[sqlx::test(migrations = false)]
async fn an_index_from_before_coverage_existed_is_covered_from_its_first_ledger_to_its_last(pool: PgPool) {
    let migrations = sqlx::migrate!();
    migrations.run_to(1, &pool).await.unwrap();
    let contract_id: ContractId = "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC".parse().unwrap();
    sqlx::query(
        "insert into cursors (contract_id, toid, event_index, from_ledger, last_whole_ledger) values ($1, $2, $3, 7, 50)",
    )
    .bind(contract_id.as_str())
    .bind((51_i64 << 32) - 1)
    .bind(i64::from(u32::MAX))
    .execute(&pool)
    .await
    .unwrap();
    migrations.run(&pool).await.unwrap();
    let covered = Store::on(pool).coverage(&contract_id).await.unwrap();
    let ranges: Vec<(LedgerRange, CoverageSource)> =
        covered.iter().map(|covered| (covered.ledgers, covered.source)).collect();
    assert_eq!(ranges, [("7-50".parse().unwrap(), CoverageSource::Rpc)]);
}
