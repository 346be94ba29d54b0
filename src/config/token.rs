//! The command-line arguments of `token`.

use clap::Args;

use crate::auth::{Scope, SignInArgs, Subject, TokenArgs};

/// Arguments of `token`.
#[derive(Args, Debug)]
pub struct TokenCommandArgs {
    /// The subject: an account G…, which then sees its own streams, or any other name.
    #[arg(long = "sub", value_name = "G…")]
    pub subject: Subject,

    /// Scopes that it grants: events:read:all, admin.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    pub scopes: Vec<Scope>,

    /// How long it is valid, like 90s, 15m, 1h or 30d. Default: as long as a token from sign-in.
    #[arg(long, value_name = "TIME")]
    pub ttl: Option<TimeToLive>,

    /// How tokens are signed.
    #[command(flatten)]
    pub token: TokenArgs,

    /// Who issues them.
    #[command(flatten)]
    pub sign_in: SignInArgs,
}

/// A duration in whole seconds, written with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeToLive(pub u64);

impl std::str::FromStr for TimeToLive {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "must be a duration such as 90s, 15m, 1h or 30d";
        let unit = text.chars().next_back().ok_or(RULE)?;
        let seconds_a_unit = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(RULE),
        };
        let count: u64 = text[..text.len() - 1].parse().map_err(|_| RULE)?;
        let seconds = count.checked_mul(seconds_a_unit).filter(|seconds| *seconds > 0);
        seconds.map(Self).ok_or(RULE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_has_a_unit() {
        assert_eq!("1h".parse(), Ok(TimeToLive(3_600)));
        assert_eq!("30d".parse(), Ok(TimeToLive(2_592_000)));
        for text in ["", "h", "1", "0s", "-1s", "1.5h", "99999999999999999999d", "1ч"] {
            assert!(text.parse::<TimeToLive>().is_err(), "{text}");
        }
    }
}
