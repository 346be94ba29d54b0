//! Reads streams for the gateway from the source's endpoints.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::{
    domain::{HarmlessFields, StreamKey},
    http::{ChainReader, ChainStream, ChainUnavailable},
    source::EndpointPool,
    xdr::{decode_stream_ledger_entry, stream_entry_key},
};

/// Returns a reader of streams, which asks the source's endpoints and ignores these fields of entries.
#[must_use]
pub fn chain_reader(source: EndpointPool, harmless: HarmlessFields) -> Arc<dyn ChainReader> {
    Arc::new(Endpoints { source, harmless })
}

struct Endpoints {
    source: EndpointPool,
    harmless: HarmlessFields,
}

impl ChainReader for Endpoints {
    fn read(&self, stream: StreamKey) -> BoxFuture<'_, Result<Option<ChainStream>, ChainUnavailable>> {
        Box::pin(self.read_stream(stream))
    }
}

impl Endpoints {
    async fn read_stream(&self, (contract_id, stream_id): StreamKey) -> Result<Option<ChainStream>, ChainUnavailable> {
        let key = stream_entry_key(&contract_id, stream_id);
        let asked = self.source.contract_entries(&contract_id, std::slice::from_ref(&key)).await;
        let answer = asked.map_err(ChainUnavailable::because)?;
        let Some(found) = answer.entries.get(&key) else { return Ok(None) };
        let entry = decode_stream_ledger_entry(&found.xdr, &self.harmless).map_err(ChainUnavailable::because)?;
        Ok(Some(ChainStream {
            entry,
            at_ledger: answer.latest_ledger,
            last_modified_ledger: found.last_modified_ledger,
            live_until_ledger: found.live_until_ledger,
        }))
    }
}
