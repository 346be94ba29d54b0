//! The ledger data lake (SEP-54): every closed ledger as a compressed object under a computable key.

mod layout;
mod place;

use std::{
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use rand::rngs::StdRng;
use tokio::sync::OnceCell;

use self::{layout::Layout, place::Place};
use super::{SourceError, retry::Retry};
use crate::{
    domain::{ContractId, LedgerSequence},
    xdr::{LedgerContents, LedgerScan, LedgerScanners},
};

const CONFIG: &str = ".config.json";
const SUFFIX: &str = ".xdr.zst";
const OLDER_SUFFIX: &str = ".xdr.zstd";

/// A data lake. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lake {
    expected: Arc<Expected>,
    place: Place,
    /// Its layout, once it has been read.
    layout: Arc<OnceCell<Layout>>,
    retry: Retry,
    objects_at_once: usize,
    has_older_suffix: Arc<AtomicBool>,
}

/// The configured location and network.
#[derive(Debug)]
struct Expected {
    location: String,
    network_passphrase: String,
}

impl Lake {
    /// Opens the lake at `location`: a folder, `file://…`, `https://…` or `http://…`. At most `objects_at_once` of its
    /// objects are read at the same time (16 to 32 over the network).
    ///
    /// # Errors
    /// As [`Lake::check`].
    pub async fn open(
        location: &str,
        network_passphrase: &str,
        objects_at_once: usize,
        rng: StdRng,
    ) -> Result<Self, SourceError> {
        let lake = Self::at(location, network_passphrase, objects_at_once, rng)?;
        lake.check().await?;
        Ok(lake)
    }

    /// Names a lake without reading anything. It is opened when its ledgers are first needed.
    ///
    /// # Errors
    /// [`SourceError::Permanent`] if the text is not a location.
    pub fn at(
        location: &str,
        network_passphrase: &str,
        objects_at_once: usize,
        rng: StdRng,
    ) -> Result<Self, SourceError> {
        Ok(Self {
            expected: Arc::new(Expected {
                location: location.to_owned(),
                network_passphrase: network_passphrase.to_owned(),
            }),
            place: Place::parse(location)?,
            layout: Arc::default(),
            retry: Retry::new(rng),
            objects_at_once: objects_at_once.max(1),
            has_older_suffix: Arc::default(),
        })
    }

    /// Opens the lake, unless it is open already.
    ///
    /// # Errors
    /// [`SourceError::Permanent`] if there is no lake, it holds another network, or this version cannot read it;
    /// otherwise the failure to read its configuration.
    pub async fn check(&self) -> Result<(), SourceError> {
        self.layout().await.map(drop)
    }

    /// Returns the layout of its objects. A failure is retried on the next call.
    pub(super) async fn layout(&self) -> Result<&Layout, SourceError> {
        self.layout.get_or_try_init(|| Box::pin(self.read_layout())).await
    }

    async fn read_layout(&self) -> Result<Layout, SourceError> {
        let permanent = |detail: String| SourceError::Permanent {
            detail: format!("the lake {}: {detail}", self.expected.location),
        };
        let config = self.place.read_with(&self.retry, CONFIG).await?;
        let config = config.ok_or_else(|| permanent(format!("it has no {CONFIG}")))?;
        let layout: Layout =
            serde_json::from_slice(&config).map_err(|error| permanent(format!("its {CONFIG} is broken: {error}")))?;
        if let Some(fault) = layout.fault() {
            return Err(permanent(fault));
        }
        if layout.network_passphrase != self.expected.network_passphrase {
            let (found, wanted) = (&layout.network_passphrase, &self.expected.network_passphrase);
            return Err(permanent(format!("it holds the network \"{found}\", not \"{wanted}\"")));
        }
        Ok(layout)
    }

    /// Returns, in order, the ledgers of each object that holds part of the range, with what the contracts did in them.
    pub(super) fn scans<'a>(
        &'a self,
        layout: &'a Layout,
        contract_ids: &'a [ContractId],
        range: RangeInclusive<LedgerSequence>,
        reading: (&'a LedgerScanners, LedgerContents),
    ) -> impl Stream<Item = Result<Vec<LedgerScan>, SourceError>> + 'a {
        let (first, last) = range.into_inner();
        let objects = stream::iter(std::iter::successors((first <= last).then_some(first), move |ledger| {
            let last_of_object = layout.last_of_object(*ledger);
            (last_of_object < last).then(|| last_of_object.next())
        }));
        objects.map(move |ledger| self.scan(ledger, layout, contract_ids, reading)).buffered(self.objects_at_once)
    }

    async fn scan(
        &self,
        ledger: LedgerSequence,
        layout: &Layout,
        contract_ids: &[ContractId],
        (scanners, contents): (&LedgerScanners, LedgerContents),
    ) -> Result<Vec<LedgerScan>, SourceError> {
        let key = layout.key(ledger);
        let object = self.read(&key).await?.ok_or(SourceError::LedgerMissing { ledger })?;
        let scans = scanners.scan(object, contract_ids, contents).await;
        scans.map_err(|fault| SourceError::Permanent { detail: format!("the lake's object {key}: {fault}") })
    }

    /// Returns the object with this key, with either suffix that a lake may use.
    async fn read(&self, key: &str) -> Result<Option<Bytes>, SourceError> {
        let expected = self.has_older_suffix.load(Ordering::Relaxed);
        for older in [expected, !expected] {
            let key = format!("{key}{}", if older { OLDER_SUFFIX } else { SUFFIX });
            if let Some(object) = self.place.read_with(&self.retry, &key).await? {
                self.has_older_suffix.store(older, Ordering::Relaxed);
                return Ok(Some(object));
            }
        }
        Ok(None)
    }
}
