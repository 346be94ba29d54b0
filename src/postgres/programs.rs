//! Finds PostgreSQL's programs on this machine, and an account that may run them.

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

/// Folders with one subfolder per version, whose `bin` has the programs (Debian keeps them off PATH).
const VERSIONED: &[&str] =
    &["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/Applications/Postgres.app/Contents/Versions"];

/// PostgreSQL's programs.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) initdb: PathBuf,
    postgres: PathBuf,
}

/// An account to run a program as.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Programs {
    /// Finds the programs in the named folder, or on PATH, or in the usual places, newest version first.
    pub(super) fn find(named: Option<&Path>) -> Option<Self> {
        if let Some(folder) = named {
            return Self::in_folder(folder);
        }
        let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
        on_path.iter().chain(&installed_folders()).find_map(|folder| Self::in_folder(folder))
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        let programs = Self { initdb: folder.join("initdb"), postgres: folder.join("postgres") };
        if !programs.initdb.is_file() {
            return None;
        }
        if programs.postgres.is_file() {
            return Some(programs);
        }
        // `initdb` may be a symbolic link; the server is in the folder that it leads to.
        let real = fs::canonicalize(&programs.initdb).ok()?;
        let postgres = real.with_file_name("postgres");
        postgres.is_file().then_some(Self { initdb: real, postgres })
    }

    /// Returns the command that runs the server, without arguments. If the system has `setpriv`, the server is told to
    /// stop when the thread that started it ends, for whatever reason.
    pub(super) fn server(&self, account: Option<Account>) -> Command {
        if Command::new("setpriv").arg("--version").output().is_ok_and(|done| done.status.success()) {
            let mut command = Command::new("setpriv");
            if let Some(Account { user, group }) = account {
                command.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
            }
            command.args(["--pdeathsig", "INT", "--"]).arg(&self.postgres);
            return command;
        }
        let mut command = Command::new(&self.postgres);
        if let Some(Account { user, group }) = account {
            command.uid(user).gid(group);
        }
        command
    }
}

/// Returns the account to run PostgreSQL as: our own (`None`), or another one if we are root, because PostgreSQL
/// refuses root.
pub(super) fn account_to_run_as() -> Result<Option<Account>, ()> {
    if number(&["-u"]) != Some(0) {
        return Ok(None);
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| Some(Account { user: number(&["-u", name])?, group: number(&["-g", name])? }))
        .map(Some)
        .ok_or(())
}

fn number(arguments: &[&str]) -> Option<u32> {
    let done = Command::new("id").args(arguments).output().ok().filter(|done| done.status.success())?;
    String::from_utf8(done.stdout).ok()?.trim().parse().ok()
}

fn installed_folders() -> Vec<PathBuf> {
    let mut folders: Vec<(u32, PathBuf)> = Vec::new();
    for parent in VERSIONED {
        folders.extend(versions_in(Path::new(parent), "", "bin"));
    }
    folders.extend(versions_in(Path::new("/usr"), "pgsql-", "bin"));
    folders.sort();
    folders.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// Returns folders such as `<parent>/15/bin` or `<parent>/postgresql@15/bin`, each with its version.
fn versions_in(parent: &Path, prefix: &str, programs: &str) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?;
            let version = version.strip_prefix("postgresql@").unwrap_or(version);
            Some((version.parse().ok()?, entry.path().join(programs)))
        })
        .collect()
}
