//! Issues, reads and spends tickets: with a token, or without where none is asked for. Tickets are rows, so every gateway
//! honours those of the others.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use data_encoding::HEXLOWER;
use rand::{RngCore, rngs::StdRng};

use super::{
    Ticket, TicketRefusal, Token, TokenRefusal,
    ticket::{self, MOST_OF_A_HOLDER, SECRET_BYTES, TTL_SECONDS},
};
use crate::{
    domain::{Clock, UnixTime},
    store::{Share, Store, StoreError, TicketRow},
};

/// The tickets of all gateways. Clones share one generator.
#[derive(Clone)]
pub struct Tickets(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    rng: Mutex<StdRng>,
}

/// Whom a ticket is issued to.
#[derive(Clone, Copy, Debug)]
pub enum TicketHolder<'a> {
    /// A caller with a token. The ticket ends no later than the token.
    Token(&'a Token),
    /// A caller without one, known by this name of its address; `None` for an address without limits.
    Client(Option<&'a str>),
}

impl TicketHolder<'_> {
    /// Returns whom unused tickets count against. The database need not know an address.
    fn name(&self) -> String {
        match self {
            Self::Token(token) => token.subject.holder().into_owned(),
            Self::Client(Some(client)) => format!("client {}", HEXLOWER.encode(&ticket::hash_of(client))),
            Self::Client(None) => "clients without limits".to_owned(),
        }
    }

    const fn most(&self) -> u32 {
        match self {
            Self::Token(_) | Self::Client(Some(_)) => MOST_OF_A_HOLDER,
            Self::Client(None) => u32::MAX,
        }
    }

    const fn token(&self) -> Option<&Token> {
        match self {
            Self::Token(token) => Some(token),
            Self::Client(_) => None,
        }
    }
}

impl Tickets {
    /// Returns the tickets in a database.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, rng: StdRng) -> Self {
        Self(Arc::new(Inner { store, clock, rng: Mutex::new(rng) }))
    }

    /// Issues a ticket: valid for a minute, for one use and for this filter. Returns `None` if its holder has too many
    /// unused tickets.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn issue(&self, holder: TicketHolder<'_>, filter: String) -> Result<Option<Ticket>, StoreError> {
        let now = self.now();
        let token = holder.token();
        let expires_at = now.plus_seconds(TTL_SECONDS);
        let expires_at = token.map_or(expires_at, |token| expires_at.min(token.expires_at));
        let ticket = Ticket::new(self.secret(), expires_at);
        let share = Share { holder: &holder.name(), most: holder.most() };
        let token = serde_json::to_value(token).expect("a struct of texts and numbers");
        let row = TicketRow { token, filter, expires_at };
        let is_kept = self.0.store.put_ticket(&ticket::hash_of(&ticket.text), &row, now, share).await?;
        Ok(is_kept.then_some(ticket))
    }

    /// Returns the token that a ticket was issued for, if there was one, and the filter. The ticket is still good
    /// afterwards.
    ///
    /// # Errors
    /// There is no such ticket any more, or the database did not answer.
    pub async fn read(&self, text: &str) -> Result<(Option<Token>, String), TicketRefusal> {
        let row = self.0.store.ticket(&ticket::hash_of(text)).await?.ok_or(TokenRefusal::BadTicket)?;
        if self.now() > row.expires_at {
            return Err(TokenRefusal::BadTicket.into());
        }
        let token = serde_json::from_value(row.token)
            .map_err(|error| StoreError::Corrupt(format!("the token of a ticket: {error}")))?;
        Ok((token, row.filter))
    }

    /// Spends a ticket that was read. Of several who come with the same one, one gets in.
    ///
    /// # Errors
    /// Somebody else has spent it meanwhile, or the database did not answer.
    pub async fn spend(&self, text: &str) -> Result<(), TicketRefusal> {
        let is_first = self.0.store.take_ticket(&ticket::hash_of(text)).await?;
        if is_first { Ok(()) } else { Err(TokenRefusal::BadTicket.into()) }
    }

    fn now(&self) -> UnixTime {
        UnixTime::of_close(self.0.clock.now())
    }

    fn secret(&self) -> [u8; SECRET_BYTES] {
        let mut bytes = [0; SECRET_BYTES];
        self.0.rng.lock().expect("no thread panics while it holds the generator").fill_bytes(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tickets").finish_non_exhaustive()
    }
}
