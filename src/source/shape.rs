//! The shape of an endpoint's answers, where servers differ. It is learned once for each endpoint and shown in the
//! status. Ids and cursors of an unknown form are refused.

use serde::Serialize;

/// The shape of an endpoint's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointShape {
    /// The API that it offers.
    pub interface: Interface,
    /// The form of the ids of its events or transactions; `None` until it has shown one.
    pub ids: Option<IdForm>,
    /// The form of its cursors.
    pub cursors: Option<IdForm>,
    /// Whether its events say if their call succeeded; `None` until it has shown one. If they do not say so, the call
    /// succeeded: servers since version 30 list no others.
    pub reports_success: Option<bool>,
}

/// The API of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Interface {
    /// Stellar RPC.
    StellarRpc,
    /// Horizon.
    Horizon,
}

/// A known form of ids and cursors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum IdForm {
    /// A TOID, a hyphen and an index, of 19 and 10 digits.
    ToidAndIndex,
    /// A TOID in decimal (SEP-35).
    Toid,
}

impl EndpointShape {
    /// Returns the shape of a Horizon.
    pub(super) fn of_horizon(has_shown_a_transaction: bool) -> Self {
        let ids = has_shown_a_transaction.then_some(IdForm::Toid);
        Self { interface: Interface::Horizon, ids, cursors: ids, reports_success: None }
    }

    /// Returns this shape, completed from an earlier one.
    pub(super) fn or(self, before: Option<Self>) -> Self {
        let before = before.unwrap_or(self);
        Self {
            interface: self.interface,
            ids: self.ids.or(before.ids),
            cursors: self.cursors.or(before.cursors),
            reports_success: self.reports_success.or(before.reports_success),
        }
    }
}
