//! Records of which nothing can be computed, because the chain's entry has a field that is not known.

use super::{Store, StoreError, columns::parse};
use crate::domain::{ContractId, StreamId};

impl Store {
    /// Returns the first streams above `above` whose entries have an unknown field, in order, each with the field's name.
    pub async fn streams_with_unknown_fields(
        &self,
        contract_id: &ContractId,
        above: StreamId,
        limit: u32,
    ) -> Result<Vec<(StreamId, String)>, StoreError> {
        let rows = sqlx::query!(
            r#"select stream_id, schedule #>> '{reason,name}' as "field!" from streams
               where contract_id = $1 and (length(stream_id), stream_id) > (length($2::text), $2)
                 and schedule #>> '{reason,cause}' = 'field'
               order by length(stream_id), stream_id limit $3"#,
            contract_id.as_str(),
            above.to_string(),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| Ok((parse("stream_id", &row.stream_id)?, row.field))).collect()
    }
}
