//! The parties and the token that event rows name: they come from the stream's record where the event lacks them.

use std::collections::HashMap;

use super::{Store, StoreError, columns::parse};
use crate::domain::{Address, ContractId, StreamId};

/// Parties and token as some event rows of a stream name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventParties {
    /// The sender, if the rows have one.
    pub sender: Option<Address>,
    /// The recipient, if the rows have one.
    pub recipient: Option<Address>,
    /// The token, if the rows have one.
    pub token: Option<Address>,
    /// Whether a later event of the stream replaced this recipient.
    pub is_of_former_recipient: bool,
    /// Whether the record had this recipient until it was corrected from the chain, after these rows: the event that
    /// replaced it is missing.
    pub is_of_lost_transfer: bool,
}

impl Store {
    /// Returns what the event rows of each of these streams name as parties and token, each combination once.
    pub async fn event_parties(
        &self,
        contract_id: &ContractId,
        streams: &[StreamId],
    ) -> Result<HashMap<StreamId, Vec<EventParties>>, StoreError> {
        let streams: Vec<String> = streams.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"with of_streams as (
                   select toid, stream_id, sender, recipient, token, former_recipient from stream_events
                   where contract_id = $1 and stream_id = any($2::text[])
               )
               select distinct stream_id as "stream_id!", sender, recipient, token,
                      (stream_id, recipient) in (
                          select stream_id, former_recipient from of_streams where former_recipient is not null
                      ) as "is_of_former_recipient?",
                      exists (
                          select from corrections
                          where contract_id = $1 and corrections.stream_id = of_streams.stream_id
                              and field = 'recipient' and ours = recipient and at_ledger >= toid >> 32
                      ) as "is_of_lost_transfer!"
               from of_streams"#,
            contract_id.as_str(),
            &streams,
        )
        .fetch_all(&self.pool)
        .await?;
        let address = |column, text: Option<String>| text.map(|text| parse(column, &text)).transpose();
        let mut parties: HashMap<StreamId, Vec<EventParties>> = HashMap::new();
        for row in rows {
            parties.entry(parse("stream_id", &row.stream_id)?).or_default().push(EventParties {
                sender: address("sender", row.sender)?,
                recipient: address("recipient", row.recipient)?,
                token: address("token", row.token)?,
                is_of_former_recipient: row.is_of_former_recipient.unwrap_or(false),
                is_of_lost_transfer: row.is_of_lost_transfer,
            });
        }
        Ok(parties)
    }
}
