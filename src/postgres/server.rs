//! The server: a child process that is stopped with us. It keeps its data in its own folder and is reached only through
//! a unix socket.

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
/// The path of a unix socket has at most 107 bytes, and PostgreSQL adds this file name.
const LONGEST_SOCKET_FOLDER: usize = 107 - "/.s.PGSQL.5432.lock".len();
const START_DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// Whether a commit survives a power failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Every commit reaches the disk.
    Fsync,
    /// Nothing waits for the disk. For data that is thrown away.
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
    #[error("PostgreSQL refuses to run as root, and there is no account \"postgres\" or \"nobody\" to run it as")]
    NoAccount,
    /// The path of the folder is too long for the socket.
    #[error("the data folder {} is too long for a unix socket; choose one of at most {LONGEST_SOCKET_FOLDER} bytes", .0.display())]
    PathTooLong(PathBuf),
    /// Another process of ours uses the folder.
    #[error("the data folder {} is in use by another flowfi-indexer; stop it or choose another folder", .0.display())]
    InUse(PathBuf),
    /// A file or a program could not be used.
    #[error("{what}: {error}")]
    Io {
        /// What was attempted.
        what: String,
        /// The system's error.
        error: io::Error,
    },
    /// The server ended or did not answer.
    #[error("PostgreSQL did not start; the end of its log {}:\n{tail}", log.display())]
    NotReady {
        /// The log file.
        log: PathBuf,
        /// Its last lines.
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
    /// Starts a server on the data in `folder`, and creates the data on first use.
    ///
    /// # Errors
    /// A [`PrivateServerError`] that says how to fix it.
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
    /// A server is running on the data, or a file cannot be removed.
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

    /// Stops the server cleanly and waits until it has ended.
    pub fn stop(mut self) {
        self.stop_and_wait();
    }

    fn stop_and_wait(&mut self) {
        drop(self.stop.take());
        if let Some(keeper) = self.keeper.take() {
            // A keeper that panicked has reported it on standard error; nothing is left to stop.
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
    // The same reason as for the log: the folder's owner must not redirect root to another file.
    let lock = File::options().write(true).create(true).truncate(false).custom_flags(libc::O_NOFOLLOW).open(&path);
    let lock = lock.map_err(io_error(format!("cannot write {}", path.display())))?;
    lock.try_lock().map_err(|_| PrivateServerError::InUse(folder.to_owned()))?;
    Ok(lock)
}

fn initialize(programs: &Programs, account: Option<Account>, data: &Path) -> Result<(), PrivateServerError> {
    let cannot = || format!("cannot create {}", data.display());
    if data.exists() {
        // What is left of an interrupted initialization.
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
    // The server's account owns the folder: a symbolic link in it must not redirect root to another file.
    let log_file = File::options()
        .create(true)
        .append(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(log)
        .map_err(io_error(format!("cannot write {}", log.display())))?;
    let mut command = programs.server(account);
    // The socket is in the data folder, which is the server's working directory. The server has its own process group,
    // because we must handle a Ctrl-C on the terminal ourselves: the last batch still has to be written.
    command.arg("-D").arg(data).args(["-k", "."]).current_dir("/").process_group(0);
    command.args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c", "max_connections=200"]);
    if durability == Durability::None {
        command.args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file);
    Ok(command)
}

type Keeper = (thread::JoinHandle<()>, mpsc::Receiver<()>);

/// Starts the server from a thread that lives as long as the server should: the kernel's death signal fires when the
/// thread that started a process ends. The receiver is notified when the server has ended.
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
                    // The receiver is gone once the start succeeded.
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

/// Requests a fast shutdown (`SIGINT`) and waits for it.
fn interrupt(child: &mut Child) {
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    if !asked.is_ok_and(|status| status.success()) {
        // There is no gentler way left. An error means that it has already ended.
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// Waits for a server whose parent was killed: the kernel tells it to stop, which takes a moment. Fails if it does not
/// end.
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

/// Returns whether a PostgreSQL server runs under this process id, as far as the system tells: after a crash the id may
/// belong to another program.
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
