//! How the contract gets other code, and how its stored state follows.

use super::{Contract, protocol::STATE_VERSION};
use crate::{
    code::ContractCode,
    contract_error::ContractError,
    event::{
        FieldValue::{Address as Party, Bytes, U32, U64},
        NamedEvent,
    },
    refused::Refused,
    wasm::WasmHash,
};

/// What stands for the module before the first upgrade.
const NO_MODULE: WasmHash = WasmHash([0; 32]);

/// The module that a contract ran, and the one that it runs from the next transaction on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    pub(crate) old: WasmHash,
    pub(crate) new: WasmHash,
}

impl Contract {
    /// Upgrades the contract to another module of the same code, in the admin's name.
    pub(crate) fn upgrade(&mut self, wasm: WasmHash, now: u64) -> Result<(NamedEvent, Replacement), Refused> {
        self.only_in_b()?;
        let admin = self.config().ok_or(ContractError::NotInitialized)?.admin.clone();
        if self.modules.as_ref().is_some_and(|modules| !modules.contains(&wasm)) {
            return Err(Refused::UnknownModule);
        }
        let before = self.storage.instance_mut().upgraded_to.replace(wasm).unwrap_or(NO_MODULE);
        let fields = [
            ("admin", Party(admin)),
            ("old_wasm_hash", Bytes(before.0.to_vec())),
            ("new_wasm_hash", Bytes(wasm.0.to_vec())),
            ("timestamp", U64(now)),
        ];
        let code = self.instance().code;
        Ok((NamedEvent::of_protocol("contract_upgraded", fields), self.replace_code(code, wasm)?))
    }

    /// Brings the stored state to a version, in the admin's name. Streams are left as they are until they are written.
    pub(crate) fn migrate(&mut self, target_version: u32) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        let config = self.config().ok_or(ContractError::NotInitialized)?.clone();
        let admin = config.admin.clone();
        let version = self.instance().version.unwrap_or(0);
        if version > STATE_VERSION {
            return Err(ContractError::StateVersionTooNew.into());
        }
        if target_version > STATE_VERSION || target_version < version {
            return Err(ContractError::UnsupportedMigration.into());
        }
        if target_version == version {
            return Ok(Vec::new());
        }
        self.set_config(config);
        self.storage.instance_mut().version = Some(target_version);
        let fields = [("admin", Party(admin)), ("old_version", U32(version)), ("new_version", U32(target_version))];
        Ok(vec![NamedEvent::of_protocol("state_migrated", fields)])
    }

    /// Gives the contract other code from outside, as a network does at the word of a contract.
    pub(crate) fn replace_code(&mut self, code: ContractCode, wasm: WasmHash) -> Result<Replacement, Refused> {
        if self.runs(ContractCode::B) && code == ContractCode::A {
            return Err(Refused::OlderCode);
        }
        let instance = self.storage.instance_mut();
        instance.code = code;
        let old = std::mem::replace(&mut instance.executable, wasm);
        Ok(Replacement { old, new: wasm })
    }
}
