//! The server: a child process that is stopped with us. It keeps its data in a folder of its own and is reached through a
//! unix socket only.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt, chown},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    programs::{self, Account, Programs},
    ready,
};

const USER: &str = "flowfi";
/// The file name of the socket, in the data folder.
const SOCKET: &str = ".s.PGSQL.5432";
/// The path of a unix socket has 107 bytes at most, and PostgreSQL adds this file name.
const LONGEST_SOCKET_FOLDER: usize = 107 - "/.s.PGSQL.5432.lock".len();
const START_DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// Whether a commit survives a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Every commit reaches the disk.
    Fsync,
    /// Nothing waits for the disk; for data that is thrown away.
    None,
}

/// Why the private server did not start.
#[derive(Debug, Error)]
pub enum PrivateServerError {
    /// The machine has no PostgreSQL server.
    #[error(
        "no PostgreSQL server found on this machine. On Debian and Ubuntu: apt-get install -y --no-install-recommends \
         postgresql. Elsewhere install PostgreSQL 14 or later and put initdb and postgres on PATH, or name their \
         folder in FLOWFI_PG_BIN, or give a database with DATABASE_URL"
    )]
    NotInstalled,
    /// PostgreSQL refuses to run as root, and no other account was found to run it as.
    #[error("running as root, and there is no account \"postgres\" or \"nobody\" to run PostgreSQL as")]
    NoAccount,
    /// The folder cannot hold the socket.
    #[error("the data folder {} is too long for a unix socket; choose one of at most {LONGEST_SOCKET_FOLDER} bytes", .0.display())]
    PathTooLong(PathBuf),
    /// Another process of ours uses the folder.
    #[error("the data folder {} is in use by another flowfi-indexer; stop it or choose another folder", .0.display())]
    InUse(PathBuf),
    /// A file or a program could not be used.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        error: io::Error,
    },
    /// The server ended or did not answer.
    #[error("PostgreSQL did not start; the end of its log {}:\n{tail}", log.display())]
    NotReady {
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
}

/// A running private server. Stops it when [`PrivateServer::stop`] is called or it is dropped; the kernel stops it
/// when this process is killed.
#[derive(Debug)]
pub struct PrivateServer {
    url: String,
    stop: Option<mpsc::SyncSender<()>>,
    keeper: Option<thread::JoinHandle<()>>,
    _lock: File,
}

impl PrivateServer {
    /// Starts a server on the data in `folder`, making it on first use.
    ///
    /// # Errors
    /// A [`PrivateServerError`] that says what to do about it.
    pub async fn start(
        folder: &Path,
        programs_folder: Option<&Path>,
        durability: Durability,
    ) -> Result<Self, PrivateServerError> {
        let programs = Programs::find(programs_folder).ok_or(PrivateServerError::NotInstalled)?;
        let account = programs::account_to_run_as().map_err(|()| PrivateServerError::NoAccount)?;
        let folder = prepare_folder(folder)?;
        let lock = lock_folder(&folder)?;
        let data = folder.join("postgres");
        if data.as_os_str().len() > LONGEST_SOCKET_FOLDER {
            return Err(PrivateServerError::PathTooLong(data));
        }
        if !data.join("PG_VERSION").exists() {
            initialize(&programs, account, &data)?;
        }
        wait_for_the_last_one(&data).await.map_err(|()| PrivateServerError::InUse(folder.clone()))?;
        let log = data.join("server.log");
        let command = server_command(&programs, account, &data, &log, durability)?;
        let (stop, stopped) = mpsc::sync_channel(1);
        let (keeper, failed) = keep(command, stopped)?;
        let url = format!("postgres://{USER}@localhost/postgres?host={}", percent_encode(&data));
        let server = Self { url, stop: Some(stop), keeper: Some(keeper), _lock: lock };
        Self::wait_until_ready(&failed, &data.join(SOCKET), &log).await?;
        Ok(server)
    }

    /// Removes the data that a server left in `folder`, if there is any.
    ///
    /// # Errors
    /// A server is running on it, or a file cannot be removed.
    pub async fn erase(folder: &Path) -> Result<(), PrivateServerError> {
        let data = folder.join("postgres");
        if !data.exists() {
            return Ok(());
        }
        let _lock = lock_folder(folder)?;
        wait_for_the_last_one(&data).await.map_err(|()| PrivateServerError::InUse(folder.to_owned()))?;
        fs::remove_dir_all(&data).map_err(io_error(format!("cannot remove {}", data.display())))
    }

    /// Returns the URL to connect with.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops the server in good order and waits for it.
    pub fn stop(mut self) {
        self.stop_and_wait();
    }

    fn stop_and_wait(&mut self) {
        drop(self.stop.take());
        if let Some(keeper) = self.keeper.take() {
            // A keeper that panicked has told so on standard error; there is nothing left to stop.
            let _ = keeper.join();
        }
    }

    async fn wait_until_ready(ended: &mpsc::Receiver<()>, socket: &Path, log: &Path) -> Result<(), PrivateServerError> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if matches!(timeout_at(deadline, ready::lets_in(socket, USER)).await, Ok(Ok(true))) {
                return Ok(());
            }
            if ended.try_recv() != Err(mpsc::TryRecvError::Empty) || Instant::now() > deadline {
                return Err(PrivateServerError::NotReady { log: log.to_owned(), tail: tail(log) });
            }
            sleep(POLL).await;
        }
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.stop_and_wait();
    }
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> PrivateServerError {
    let what = what.into();
    move |error| PrivateServerError::Io { what, error }
}

fn prepare_folder(folder: &Path) -> Result<PathBuf, PrivateServerError> {
    let cannot = || format!("cannot use the data folder {}", folder.display());
    fs::create_dir_all(folder).map_err(io_error(cannot()))?;
    fs::canonicalize(folder).map_err(io_error(cannot()))
}

fn lock_folder(folder: &Path) -> Result<File, PrivateServerError> {
    let path = folder.join("lock");
    // As with the log: whoever owns the folder must not lead root elsewhere.
    let lock = File::options().write(true).create(true).truncate(false).custom_flags(libc::O_NOFOLLOW).open(&path);
    let lock = lock.map_err(io_error(format!("cannot write {}", path.display())))?;
    lock.try_lock().map_err(|_| PrivateServerError::InUse(folder.to_owned()))?;
    Ok(lock)
}

fn initialize(programs: &Programs, account: Option<Account>, data: &Path) -> Result<(), PrivateServerError> {
    let cannot = || format!("cannot make {}", data.display());
    if data.exists() {
        // The rest of an initialization that was interrupted.
        fs::remove_dir_all(data).map_err(io_error(cannot()))?;
    }
    fs::create_dir(data).map_err(io_error(cannot()))?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700)).map_err(io_error(cannot()))?;
    if let Some(account) = account {
        chown(data, Some(account.user), Some(account.group)).map_err(io_error(cannot()))?;
    }
    let mut command = Command::new(&programs.initdb);
    command.args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions"]);
    command.args(["--username", USER, "--pgdata"]).arg(data).current_dir("/");
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
    let done = command.output().map_err(io_error(format!("cannot run {}", programs.initdb.display())))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    let hint = "; if its account cannot reach this folder, choose one that every account may enter";
    Err(PrivateServerError::Io { what: format!("initdb failed{hint}"), error: io::Error::other(said) })
}

fn server_command(
    programs: &Programs,
    account: Option<Account>,
    data: &Path,
    log: &Path,
    durability: Durability,
) -> Result<Command, PrivateServerError> {
    // The folder belongs to the server's account: a link that it put there must not lead root elsewhere.
    let log_file = File::options()
        .create(true)
        .append(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(log)
        .map_err(io_error(format!("cannot write {}", log.display())))?;
    let mut command = programs.server(account);
    // The socket lies in the data folder, which is where the server goes by itself. Its own process group: a Ctrl-C on
    // the terminal is ours to answer, and the last batch is still to be written.
    command.arg("-D").arg(data).args(["-k", "."]).current_dir("/").process_group(0);
    command.args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c", "max_connections=200"]);
    if durability == Durability::None {
        command.args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file);
    Ok(command)
}

type Keeper = (thread::JoinHandle<()>, mpsc::Receiver<()>);

/// Starts the server from a thread that lives as long as it should: the kernel's death signal fires when the thread
/// that started a process ends. The receiver hears when the server has ended.
fn keep(mut command: Command, stopped: mpsc::Receiver<()>) -> Result<Keeper, PrivateServerError> {
    let (started, start) = mpsc::sync_channel(1);
    let (ended, end) = mpsc::sync_channel(1);
    let keeper = thread::Builder::new()
        .name("private-postgres".to_owned())
        .spawn(move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return drop(started.send(Err(error))),
            };
            if started.send(Ok(())).is_err() {
                return interrupt(&mut child);
            }
            loop {
                match stopped.recv_timeout(POLL) {
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => break interrupt(&mut child),
                }
                if !matches!(child.try_wait(), Ok(None)) {
                    // Nobody listens once the start succeeded.
                    let _ = ended.send(());
                    break;
                }
            }
        })
        .map_err(io_error("cannot start a thread"))?;
    let cannot = "cannot start the PostgreSQL server";
    match start.recv() {
        Ok(Ok(())) => Ok((keeper, end)),
        Ok(Err(error)) => Err(io_error(cannot)(error)),
        Err(_) => Err(io_error(cannot)(io::Error::other("its thread ended"))),
    }
}

/// Asks for a fast shutdown (`SIGINT`) and waits for it.
fn interrupt(child: &mut Child) {
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    if !asked.is_ok_and(|status| status.success()) {
        // No polite way is left. An error means that it is gone already.
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// A server whose parent was killed is told by the kernel and takes a moment to go. Fails if it does not.
async fn wait_for_the_last_one(data: &Path) -> Result<(), ()> {
    let pid_file = data.join("postmaster.pid");
    let deadline = Instant::now() + START_DEADLINE;
    while Instant::now() < deadline {
        let Ok(text) = fs::read_to_string(&pid_file) else { return Ok(()) };
        if !is_postgres(text.lines().next().unwrap_or_default()) {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(())
}

/// Whether a process of this id runs and is a PostgreSQL server, as far as the system tells: after a crash the id may
/// be another's.
fn is_postgres(pid: &str) -> bool {
    if let Ok(name) = fs::read_to_string(format!("/proc/{pid}/comm")) {
        return name.trim() == "postgres";
    }
    let alive = Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status();
    !Path::new("/proc/self").exists() && alive.is_ok_and(|status| status.success())
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

fn percent_encode(path: &Path) -> String {
    form_urlencoded::byte_serialize(path.as_os_str().as_encoded_bytes()).collect()
}
