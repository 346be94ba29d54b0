//! What one user pays and is paid, per token. The sums are made by the database, exactly, so that a user of a hundred
//! thousand streams costs no memory here.

use sqlx::PgConnection;

use super::{
    PageRequest, PageStart, SortOrder, Store, StoreError, StreamListFilter, StreamSort, columns::parse,
    filter::streams_of,
};
use crate::domain::{Address, ContractId, StreamRecord, StreamStatus, Total, UnixTime, Visibility};

/// Anybody can make a stream of any token to anybody, so tokens are bounded.
const MOST_TOKENS: u32 = 100;

/// What a user pays and is paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserSummary {
    /// All streams to the user.
    pub incoming: StreamCount,
    /// All streams by the user; one to oneself counts in both.
    pub outgoing: StreamCount,
    /// What there is of each token, those with the most active streams first, at most a hundred.
    pub tokens: Vec<TokenSummary>,
    /// There are more tokens than these.
    pub has_more_tokens: bool,
}

/// How many streams there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCount {
    /// All of them.
    pub streams: u64,
    /// Of them, those that accrue: [`StreamStatus::Active`].
    pub active: u64,
}

/// What a user pays and is paid of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSummary {
    /// The token.
    pub token: Address,
    /// Streams to the user.
    pub incoming: Flow,
    /// Streams by the user.
    pub outgoing: Flow,
    /// Units a second that come in, less those that go out.
    pub net_rate_per_second: Total,
}

/// The streams of one direction and one token together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// How many there are.
    pub count: StreamCount,
    /// Active streams of which it is not known what they pay; they are left out of `claimable` and of rates.
    pub unknown: u64,
    /// What was put in so far.
    pub deposited: Total,
    /// What was paid out so far.
    pub withdrawn: Total,
    /// What can be claimed, by the rule of [`StreamRecord::claimable`].
    pub claimable: Total,
    /// Units a second, of the active ones.
    pub rate_per_second: Total,
}

impl Store {
    /// Returns what a user pays and is paid as at a time, of the streams that are to be seen, in all contracts or in one.
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

    /// Returns the active streams of a user that are drained first, of those that are to be seen, at most `limit`.
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
