//! What happens in a world: one random step after the other, while everything is running.

use flowfi_indexer::{
    devnet::Fault,
    domain::{EventFilter, EventId, EventType, LedgerSequence, StreamId, Visibility},
};
use rand::{
    Rng,
    seq::{IndexedRandom, IteratorRandom},
};

use crate::{client::Plan, frames::SeenId, world::World};

impl World<'_> {
    /// Plays the whole history.
    pub async fn play(&mut self) -> Result<(), String> {
        let ledgers = self.rng.random_range(1..5);
        self.close_ledgers(ledgers).await;
        self.start_indexer(false).await;
        self.until("the index has begun", async |world| world.cursor().await.is_some()).await?;
        for _ in 0..self.rng.random_range(1..=2) {
            self.start_gateway().await;
        }
        for _ in 0..self.rng.random_range(2..5) {
            self.new_client().await;
        }
        for _ in 0..self.rng.random_range(15..45) {
            self.step().await?;
            self.check()?;
            self.let_run(12).await;
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<(), String> {
        if !self.abilities.is_empty() && self.rng.random_ratio(1, 4) {
            return self.special_step().await;
        }
        match self.rng.random_range(0..100) {
            0..34 => {
                let ledgers = self.rng.random_range(1..4);
                self.close_ledgers(ledgers).await;
            }
            34..40 => self.close_quiet_ledgers().await,
            40..54 => self.inject_fault(),
            54..58 => self.clear_faults(),
            58..65 => self.kill().await,
            65..69 => self.start_another().await,
            69..72 => self.stop_one().await?,
            72..77 => self.break_connections().await,
            77..81 => self.fail_statements().await,
            81..93 if !self.is_settled().await => self.let_run(100).await,
            // Who lost a change of the recipient, or a deletion, cannot learn it from the contract's entries.
            81..90 if self.abilities.second_version.is_some() => self.let_run(100).await,
            81..85 => self.drop_ledgers().await?,
            85..90 => self.forget().await?,
            90..93 => self.repair().await?,
            93..95 => self.restart_a_gateway().await,
            95..98 => self.new_client().await,
            _ => self.let_run(100).await,
        }
        Ok(())
    }

    /// Takes a step that only worlds with the ability can have.
    async fn special_step(&mut self) -> Result<(), String> {
        let of_resets = if self.abilities.resets { 0..4 } else { 0..0 };
        let of_maintenance = if self.abilities.maintenance { 4..8 } else { 0..0 };
        let of_a_stray = if self.abilities.stray.is_some() { 8..12 } else { 0..0 };
        let of_stalls = if self.abilities.stalls { 12..16 } else { 0..0 };
        match of_resets.chain(of_maintenance).chain(of_a_stray).chain(of_stalls).choose(&mut self.rng) {
            Some(0) => self.start_over().await?,
            Some(1..4) if self.epochs.are_some_left_behind() => self.let_one_catch_up(),
            Some(4..8) => self.start_maintenance().await,
            Some(8..12) => self.let_it_stray().await,
            Some(12..16) => self.let_something_stall().await,
            _ => self.let_run(100).await,
        }
        Ok(())
    }

    pub async fn close_ledgers(&mut self, count: u32) {
        let mut closed = 0;
        while closed < count && self.may_close().await {
            let inputs = if self.rng.random_ratio(1, 8) { 40 } else { self.rng.random_range(0..8) };
            self.chain.close(&mut self.rng, inputs).await;
            closed += 1;
        }
        self.tell(format!("{closed} ledgers, up to {}", self.chain.devnet.latest_ledger()));
    }

    async fn close_quiet_ledgers(&mut self) {
        let count = self.rng.random_range(1..8);
        let mut closed = 0;
        while closed < count && self.may_close().await {
            self.chain.close_quiet(&mut self.rng, 1);
            closed += 1;
        }
        self.tell(format!("{closed} quiet ledgers, up to {}", self.chain.devnet.latest_ledger()));
    }

    fn inject_fault(&mut self) {
        let endpoint = *self.endpoints().choose(&mut self.rng).unwrap();
        let times = Some(self.rng.random_range(1..4));
        let (fault, times) = match self.rng.random_range(0..13) {
            0 => (Fault::Status { status: 503, retry_after_seconds: None }, times),
            1 => (Fault::Status { status: 429, retry_after_seconds: None }, times),
            2 => (Fault::RpcError { code: -32603, message: None }, times),
            3 => (Fault::CutBody, times),
            4 | 5 => (Fault::EmptyPages { ledgers: 0 }, times),
            6 => (Fault::DuplicatePages, None),
            7 => (Fault::LimitRefused { limit: self.rng.random_range(1..20) }, None),
            8 | 9 => (Fault::ProcessingLimit { ledgers: self.rng.random_range(1..4), events: None }, None),
            10 => (Fault::NodeBehind { ledgers: self.rng.random_range(1..6) }, None),
            11 => return self.let_every_node_be_behind(),
            _ => (Fault::Delay { delay_ms: self.rng.random_range(1..40) }, times),
        };
        self.tell(format!("at {endpoint}: {fault:?}, times {times:?}"));
        self.chain.devnet.inject_at(endpoint, fault, times).unwrap();
    }

    fn let_every_node_be_behind(&mut self) {
        let (ledgers, times) = (self.rng.random_range(1..6), self.rng.random_range(2..12));
        for endpoint in self.endpoints() {
            self.chain.devnet.inject_at(endpoint, Fault::NodeBehind { ledgers }, Some(times)).unwrap();
        }
        self.tell(format!("every node is {ledgers} ledgers behind, for {times} requests"));
    }

    fn clear_faults(&mut self) {
        let endpoint = *self.endpoints().choose(&mut self.rng).unwrap();
        self.chain.devnet.clear_faults_at(endpoint);
        self.epochs.has_caught_up(endpoint);
        if self.abilities.stray.is_some_and(|stray| stray.endpoint == endpoint) {
            self.stray_is_back();
        }
        self.tell(format!("no faults at {endpoint}"));
    }

    async fn kill(&mut self) {
        if !self.indexers.is_empty() {
            let which = self.rng.random_range(0..self.indexers.len());
            drop(self.indexers.remove(which));
        }
        self.tell("kill -9 of an indexer");
        self.let_run(30).await;
        if self.indexers.is_empty() {
            self.start_indexer(false).await;
        }
    }

    async fn start_another(&mut self) {
        if self.indexers.len() < 3 {
            // Only the holder of the lock may archive.
            let with_another_lock = self.rng.random::<bool>() && !self.abilities.archives();
            self.start_indexer(with_another_lock).await;
            self.tell(format!("another indexer, with another lock: {with_another_lock}"));
        }
    }

    async fn stop_one(&mut self) -> Result<(), String> {
        if let Some(indexer) = self.indexers.pop() {
            indexer.stop().await?;
        }
        self.tell("an indexer stops cleanly");
        if self.indexers.is_empty() {
            self.start_indexer(false).await;
        }
        Ok(())
    }

    async fn break_connections(&mut self) {
        self.tell("connections to the database break");
        self.place.database.terminate(0.5).await;
    }

    async fn fail_statements(&mut self) {
        let pass = self.rng.random_range(0..12);
        self.tell(format!("serialization failures after {pass} statements"));
        self.place.database.fail_statements_after(pass).await;
    }

    async fn restart_a_gateway(&mut self) {
        self.restart_gateway().await;
        self.tell("another gateway");
    }

    async fn new_client(&mut self) {
        let mut filter = EventFilter::seen_by(Visibility::Everything);
        if self.rng.random_ratio(1, 3) {
            filter.all = true;
        } else {
            filter.users.insert(self.chain.sentinel());
            for _ in 0..self.rng.random_range(1..4) {
                let party = format!("random {}", self.rng.random_range(0..12));
                filter.users.insert(self.chain.devnet.account(&party));
            }
            if self.rng.random() {
                filter.streams.insert((self.contract_id(), StreamId(self.rng.random_range(1..20))));
            }
        }
        if self.rng.random_ratio(1, 4) {
            let others = EventType::ALL.iter().copied().filter(|other| *other != EventType::StreamCreated);
            filter.types = others.choose_multiple(&mut self.rng, 3);
            filter.types.push(EventType::StreamCreated);
        }
        let begins_now = self.rng.random_ratio(1, 3);
        let epoch = self.control().network().await.unwrap().map_or(0, |network| network.epoch.0);
        let plan = Plan {
            filter,
            from: (!begins_now).then(|| SeenId::of(EventId::end_of_ledger(LedgerSequence(1)), epoch)),
            over_http: self.rng.random_ratio(1, 3),
            seed: self.rng.random(),
        };
        self.tell(format!("subscriber {}: {:?} from {:?}", self.clients.len(), plan.filter, plan.from));
        self.add_client(plan);
    }
}
