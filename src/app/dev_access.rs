//! Generates what `dev` needs for sign-in and tokens: its own secret and key, kept beside its data.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use rand::RngCore;

use super::random_generator;
use crate::auth::{AuthArgs, AuthMode, TokenAlgorithm};

/// Fills in what the arguments leave out.
pub(super) fn complete(mut args: AuthArgs, folder: &Path, address: SocketAddr) -> anyhow::Result<AuthArgs> {
    if args.mode == AuthMode::Off {
        return Ok(args);
    }
    let token = &mut args.token;
    if token.token_algorithm == TokenAlgorithm::HS256 && token.token_secret.is_none() {
        let secret = || BASE64_STANDARD.encode(random_bytes());
        token.token_secret_file.get_or_insert(kept(folder.join("token-secret"), secret)?);
    }
    // Wallets can sign in if tokens can be made.
    let makes_tokens = token.token_algorithm == TokenAlgorithm::HS256 || token.token_signing_key_file.is_some();
    let sign_in = &mut args.sign_in;
    if makes_tokens && sign_in.sign_in_seed.is_none() {
        let seed = || {
            let seed = stellar_strkey::ed25519::PrivateKey(random_bytes());
            seed.as_unredacted().to_string().as_str().to_owned()
        };
        sign_in.sign_in_seed_file.get_or_insert(kept(folder.join("sign-in-seed"), seed)?);
    }
    if sign_in.home_domains.is_empty() {
        sign_in.home_domains.push(format!("localhost:{}", address.port()));
    }
    Ok(args)
}

/// Returns a file that only its owner can read. It is created on first use.
fn kept(file: PathBuf, content: impl FnOnce() -> String) -> anyhow::Result<PathBuf> {
    if !file.exists() {
        fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).context("cannot use the data folder")?;
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
        let written = opened.and_then(|mut opened| writeln!(opened, "{}", content()));
        written.with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(file)
}

fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    random_generator().fill_bytes(&mut bytes);
    bytes
}
