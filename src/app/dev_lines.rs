//! Prints the commands to try with `dev`. They work as printed, whatever the authentication.

use std::{
    env,
    net::SocketAddr,
    path::{self, Path},
};

use anyhow::Context;

use crate::{
    auth::{AuthArgs, AuthMode, TokenAlgorithm},
    devnet::Devnet,
    duration::spelled,
};

/// Prints where everything is, and how to look at it and change it.
///
/// # Errors
/// The path of this program is unknown.
pub(super) fn print(access: &AuthArgs, devnet: &Devnet, address: SocketAddr, folder: &Path) -> anyhow::Result<()> {
    println!("flowfi-indexer is running, with a local network.\n");
    println!("  the page          http://{address}/");
    let header = if access.mode == AuthMode::Off { "" } else { "-H \"authorization: Bearer $TOKEN\" " };
    if access.mode != AuthMode::Off {
        match token_command(access, devnet)? {
            Some(command) => println!("  a token for all   TOKEN=$({command})"),
            None => println!("  a token for all   TOKEN=…, from the owner of the key that signs tokens"),
        }
    }
    println!("  every event       curl -N {header}'http://{address}/v1/events/subscribe?all=true'");
    println!("  the streams       curl {header}'http://{address}/v1/streams?limit=3'");
    println!("  a new stream      curl -X POST 'http://{address}/streams' -H 'content-type: application/json' \\");
    println!("                      -d '{}'", terms(devnet));
    if access.mode != AuthMode::Off
        && (access.sign_in.sign_in_seed.is_some() || access.sign_in.sign_in_seed_file.is_some())
    {
        // The URL of the sign-in is what its tokens name as their issuer (SEP-10).
        println!("\nWallets sign in at {} and then see their own streams.", access.sign_in.usual_issuer());
    }
    println!("\nData is kept in {} (start over: --fresh). Stop with Ctrl-C.", folder.display());
    Ok(())
}

/// Returns the body of a call that creates a stream, as FlowFi's first documents spell it.
fn terms(devnet: &Devnet) -> String {
    let (sender, recipient, token) = (devnet.account("alice"), devnet.account("bob"), devnet.token());
    format!(
        r#"{{"sender":"{sender}","recipient":"{recipient}","tokenAddress":"{token}","ratePerSecond":"10000","depositedAmount":"36000000"}}"#
    )
}

/// Returns the command that makes a token with which everything can be read, signed with the key that this service
/// checks tokens with; `None` if that key can only check. A secret that is not in a file is prompted for, because it
/// must not appear on the screen.
fn token_command(access: &AuthArgs, devnet: &Devnet) -> anyhow::Result<Option<String>> {
    let program = env::current_exe().context("cannot tell where this program is")?;
    let token = &access.token;
    if token.token_algorithm != TokenAlgorithm::HS256 && token.token_signing_key_file.is_none() {
        return Ok(None);
    }
    let mut words = vec![program.display().to_string(), "token".to_owned()];
    let mut give = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    if token.token_algorithm != TokenAlgorithm::HS256 {
        give("--token-algorithm", token.token_algorithm.as_str().to_owned());
    }
    for (flag, file) in [
        ("--token-secret-file", &token.token_secret_file),
        ("--token-signing-key-file", &token.token_signing_key_file),
        ("--token-key-file", &token.token_key_file),
    ] {
        if let Some(file) = file {
            // The command is meant for another shell, which may be in another folder.
            give(flag, path::absolute(file).context("cannot tell where this program runs")?.display().to_string());
        }
    }
    if let Some(issuer) = &token.token_issuer {
        give("--token-issuer", issuer.clone());
    }
    give("--token-audience", token.token_audience.clone());
    if !access.sign_in.home_domains.is_empty() {
        give("--home-domains", access.sign_in.home_domains.join(","));
    }
    if let Some(domain) = &access.sign_in.web_auth_domain {
        give("--web-auth-domain", domain.clone());
    }
    if let Some(longest) = token.longest_ttl().filter(|longest| *longest < token.token_ttl) {
        give("--ttl", spelled(longest).to_string());
    }
    give("--sub", devnet.account("alice").to_string());
    give("--scopes", "events:read:all".to_owned());
    let command = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let asks = "read -rsp 'token secret: ' FLOWFI_TOKEN_SECRET && export FLOWFI_TOKEN_SECRET && ";
    Ok(Some(if token.token_secret.is_some() { format!("{asks}{command}") } else { command }))
}

/// Quotes a word so that a POSIX shell reads it unchanged.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_every_quoted_word_unchanged() {
        for (word, is_read) in [
            ("--sub", "--sub"),
            ("/var/lib/flowfi", "/var/lib/flowfi"),
            ("/home/a b/$x", "'/home/a b/$x'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), is_read);
        }
    }
}
