//! Who governs the protocol: its admin, its fee, its guardian, and whether it takes deposits.

use super::Contract;
use crate::{
    code::ContractCode,
    contract_error::ContractError,
    event::{
        FieldValue::{Address as Party, Bool, U32, U64},
        NamedEvent,
    },
    instance::ProtocolConfig,
    refused::Refused,
};
use flowfi_domain::Address;

/// A tenth.
const HIGHEST_FEE_BPS: u32 = 1_000;
/// The version of the stored state that state B begins with.
pub(super) const STATE_VERSION: u32 = 2;

impl Contract {
    /// Sets the admin and the fee, once.
    pub(crate) fn initialize(
        &mut self,
        admin: &Address,
        treasury: &Address,
        fee_rate_bps: u32,
    ) -> Result<Vec<NamedEvent>, Refused> {
        if self.config().is_some() {
            return Err(ContractError::AlreadyInitialized.into());
        }
        check_fee(fee_rate_bps)?;
        if self.runs(ContractCode::B) {
            self.storage.instance_mut().version = Some(STATE_VERSION);
        }
        self.set_config(ProtocolConfig {
            admin: admin.clone(),
            treasury: treasury.clone(),
            fee_rate_bps,
            is_paused: false,
            guardian: None,
            written_by: ContractCode::A,
        });
        let fields = [
            ("admin", Party(admin.clone())),
            ("treasury", Party(treasury.clone())),
            ("fee_rate_bps", U32(fee_rate_bps)),
        ];
        Ok(vec![NamedEvent::of_protocol("initialized", fields)])
    }

    /// Sets who gets the fee, and how much it is.
    pub(crate) fn update_fee_config(
        &mut self,
        caller: &Address,
        treasury: &Address,
        fee_rate_bps: u32,
    ) -> Result<Vec<NamedEvent>, Refused> {
        let mut config = self.config_as_admin(caller)?;
        check_fee(fee_rate_bps)?;
        let old_treasury = std::mem::replace(&mut config.treasury, treasury.clone());
        let old_fee_rate_bps = std::mem::replace(&mut config.fee_rate_bps, fee_rate_bps);
        self.set_config(config);
        let fields = [
            ("admin", Party(caller.clone())),
            ("old_treasury", Party(old_treasury)),
            ("new_treasury", Party(treasury.clone())),
            ("old_fee_rate_bps", U32(old_fee_rate_bps)),
            ("new_fee_rate_bps", U32(fee_rate_bps)),
        ];
        Ok(vec![NamedEvent::of_protocol("fee_config_updated", fields)])
    }

    /// Makes another one the admin.
    pub(crate) fn transfer_admin(&mut self, caller: &Address, new_admin: &Address) -> Result<Vec<NamedEvent>, Refused> {
        let config = self.config_as_admin(caller)?;
        self.set_config(ProtocolConfig { admin: new_admin.clone(), ..config });
        let fields = [("previous_admin", Party(caller.clone())), ("new_admin", Party(new_admin.clone()))];
        Ok(vec![NamedEvent::of_protocol("admin_transferred", fields)])
    }

    /// Sets who may pause the protocol beside the admin.
    pub(crate) fn set_guardian(
        &mut self,
        caller: &Address,
        guardian: Option<&Address>,
    ) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        let config = self.config_as_admin(caller)?;
        self.set_config(ProtocolConfig { guardian: guardian.cloned(), ..config });
        let fields = [("admin", Party(caller.clone())), ("guardian", guardian.cloned().into())];
        Ok(vec![NamedEvent::of_protocol("emergency_guardian_updated", fields)])
    }

    /// Stops deposits, or lets them go on.
    pub(crate) fn set_protocol_pause(
        &mut self,
        caller: &Address,
        paused: bool,
        now: u64,
    ) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        let config = self.config().ok_or(ContractError::NotInitialized)?.clone();
        let (is_admin, is_guardian) = (config.admin == *caller, config.guardian.as_ref() == Some(caller));
        if paused && !is_admin && !is_guardian {
            return Err(ContractError::NotGuardian.into());
        }
        if !paused && !is_admin {
            return Err(ContractError::NotAdmin.into());
        }
        self.set_config(ProtocolConfig { is_paused: paused, ..config });
        let status = [("caller", Party(caller.clone())), ("paused", Bool(paused)), ("timestamp", U64(now))];
        let status = NamedEvent::of_protocol("protocol_pause_status", status);
        let fields = [("admin", Party(caller.clone())), ("is_paused", Bool(paused))];
        Ok(vec![status, NamedEvent::of_protocol("FlowFi", fields).with_word("ProtocolPaused")])
    }

    fn config_as_admin(&self, caller: &Address) -> Result<ProtocolConfig, Refused> {
        let config = self.config().ok_or(ContractError::NotInitialized)?;
        if config.admin == *caller { Ok(config.clone()) } else { Err(ContractError::NotAdmin.into()) }
    }

    /// Stores the settings as the present code writes them.
    pub(super) fn set_config(&mut self, config: ProtocolConfig) {
        let instance = self.storage.instance_mut();
        instance.config = Some(ProtocolConfig { written_by: instance.code, ..config });
    }
}

fn check_fee(fee_rate_bps: u32) -> Result<(), Refused> {
    if fee_rate_bps <= HIGHEST_FEE_BPS { Ok(()) } else { Err(ContractError::InvalidFeeRate.into()) }
}
