//! What one user pays and receives, per token. The database computes the sums exactly, so that a user with a hundred
//! thousand streams costs no memory here.

use sqlx::PgConnection;

use super::{
    PageRequest, PageStart, SortOrder, Store, StoreError, StreamListFilter, StreamSort, columns::parse,
    filter::streams_of,
};
use crate::domain::{Address, ContractId, StreamRecord, StreamStatus, Total, UnixTime, Visibility};

/// The number of tokens is limited, because anybody can create a stream of any token to anybody.
const MOST_TOKENS: u32 = 100;

/// What a user pays and receives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserSummary {
    /// All streams to the user.
    pub incoming: StreamCount,
    /// All streams by the user. A stream to oneself counts in both.
    pub outgoing: StreamCount,
    /// The sums per token, at most a hundred, the tokens with the most active streams first.
    pub tokens: Vec<TokenSummary>,
    /// Whether there are more tokens than these.
    pub has_more_tokens: bool,
}

/// A number of streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCount {
    /// All of them.
    pub streams: u64,
    /// Those of them that accrue: [`StreamStatus::Active`].
    pub active: u64,
}

/// What a user pays and receives in one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSummary {
    /// The token.
    pub token: Address,
    /// Streams to the user.
    pub incoming: Flow,
    /// Streams by the user.
    pub outgoing: Flow,
    /// The incoming rate minus the outgoing rate, in units a second.
    pub net_rate_per_second: Total,
}

/// The sums over the streams of one direction and one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The number of streams.
    pub count: StreamCount,
    /// Streams of which it is not known what they pay; they are left out of `claimable` and of rates.
    pub unknown: u64,
    /// What was put in so far.
    pub deposited: Total,
    /// The total paid out so far.
    pub withdrawn: Total,
    /// The claimable amount, by the rule of [`StreamRecord::claimable`].
    pub claimable: Total,
    /// The total rate of the active streams, in units a second.
    pub rate_per_second: Total,
}

impl Store {
    /// Returns what a user pays and receives as of a time, in the visible streams of all contracts or of one.
    pub async fn user_summary(
        &self,
        user: &Address,
        visibility: &Visibility,
        contract_id: Option<&ContractId>,
        at: UnixTime,
    ) -> Result<UserSummary, StoreError> {
        let most = usize::try_from(MOST_TOKENS).unwrap_or(usize::MAX);
        let party = match visibility {
            Visibility::Everything => None,
            Visibility::Party(party) => Some(party.as_str()),
            Visibility::Nothing => return Ok(UserSummary::default()),
        };
        let limit = i64::from(MOST_TOKENS) + 1;
        let rows = sqlx::query_file!(
            "src/store/user_summary.sql",
            user.as_str(),
            at.to_string(),
            limit,
            party,
            contract_id.map(ContractId::as_str),
        )
        .fetch_all(&self.pool)
        .await?;
        let mut summary = UserSummary { has_more_tokens: rows.len() > most, ..UserSummary::default() };
        for row in rows.into_iter().take(most) {
            summary.incoming = counted(row.all_in_streams, row.all_in_active);
            summary.outgoing = counted(row.all_out_streams, row.all_out_active);
            summary.tokens.push(TokenSummary {
                token: parse("token", &row.token)?,
                incoming: Flow {
                    count: counted(row.in_streams, row.in_active),
                    unknown: u64::try_from(row.in_unknown).unwrap_or(0),
                    deposited: parse("deposited", &row.in_deposited)?,
                    withdrawn: parse("withdrawn", &row.in_withdrawn)?,
                    claimable: parse("claimable", &row.in_claimable)?,
                    rate_per_second: parse("rate_per_second", &row.in_rate)?,
                },
                outgoing: Flow {
                    count: counted(row.out_streams, row.out_active),
                    unknown: u64::try_from(row.out_unknown).unwrap_or(0),
                    deposited: parse("deposited", &row.out_deposited)?,
                    withdrawn: parse("withdrawn", &row.out_withdrawn)?,
                    claimable: parse("claimable", &row.out_claimable)?,
                    rate_per_second: parse("rate_per_second", &row.out_rate)?,
                },
                net_rate_per_second: parse("rate_per_second", &row.net_rate)?,
            });
        }
        Ok(summary)
    }

    /// Returns at most `limit` of a user's visible active streams, those that are drained first.
    pub async fn next_ends(
        &self,
        user: &Address,
        visibility: &Visibility,
        contract_id: Option<&ContractId>,
        at: UnixTime,
        limit: u32,
    ) -> Result<Vec<StreamRecord>, StoreError> {
        let filter = StreamListFilter {
            contract_id: contract_id.cloned(),
            user: Some(user.clone()),
            status: Some((StreamStatus::Active, at)),
            ends_before: Some(UnixTime::LAST_DATE),
            sort: StreamSort::EndTime,
            order: SortOrder::Ascending,
            ..StreamListFilter::seen_by(visibility.clone())
        };
        let request = PageRequest { limit, start: PageStart::Offset(0) };
        let read = async |connection: &mut PgConnection| streams_of(connection, &filter, request).await;
        let mut streams = self.pool.run(read).await?;
        streams.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(streams)
    }
}

fn counted(streams: i64, active: i64) -> StreamCount {
    StreamCount { streams: u64::try_from(streams).unwrap_or(0), active: u64::try_from(active).unwrap_or(0) }
}
