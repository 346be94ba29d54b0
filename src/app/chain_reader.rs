//! How the gateway asks the chain for a stream: by the endpoints of the source.

use crate::{
    domain::{ContractId, StreamId},
    http::{ChainAway, ChainReader, ChainStream},
    source::EndpointPool,
    xdr::{decode_stream_ledger_entry, stream_entry_key},
};

/// Returns a reader of streams.
#[must_use]
pub fn chain_reader(source: EndpointPool) -> ChainReader {
    ChainReader::new(move |(contract_id, stream_id)| {
        let source = source.clone();
        Box::pin(async move { read(&source, &contract_id, stream_id).await })
    })
}

async fn read(
    source: &EndpointPool,
    contract_id: &ContractId,
    stream_id: StreamId,
) -> Result<Option<ChainStream>, ChainAway> {
    let key = stream_entry_key(contract_id, stream_id);
    let answer = source.ledger_entries(std::slice::from_ref(&key)).await;
    let answer = answer.map_err(|failure| ChainAway(failure.to_string()))?;
    let Some(found) = answer.entries.get(&key) else { return Ok(None) };
    let entry = decode_stream_ledger_entry(&found.xdr).map_err(|refusal| ChainAway(refusal.to_string()))?;
    Ok(Some(ChainStream {
        entry,
        at_ledger: answer.latest_ledger,
        last_modified_ledger: found.last_modified_ledger,
        live_until_ledger: found.live_until_ledger,
    }))
}
