//! The PostgreSQL server behind the tests.
//!
//! `TEST_DATABASE_URL` names one; without it the first test of a process starts
//! a private cluster from the installed server. Out: its URL, or a message that
//! says how to get one. The cluster is kept by a shell (`postgres.sh`) that ends
//! it when our end of a pipe closes, so that it goes with this process however
//! that ends: statics are never dropped, and a killed process drops nothing.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

/// Names a server to use instead of a private one.
const VARIABLE: &str = "TEST_DATABASE_URL";

const KEEPER: &str = include_str!("postgres.sh");

const HELP: &str = "Half of the tests need a PostgreSQL server. Install one (Debian: apt-get install \
     postgresql; it need not run), or set TEST_DATABASE_URL to a server where schemas may be created.";

/// The URL of the server, the same for the whole process.
pub(crate) fn server() -> Result<&'static str, &'static str> {
    static SERVER: LazyLock<Result<Server, String>> = LazyLock::new(Server::find);
    match &*SERVER {
        Ok(server) => Ok(&server.url),
        Err(message) => Err(message),
    }
}

/// A running server.
pub(crate) struct Server {
    /// Without a schema: each test adds its own.
    pub(crate) url: String,
    /// The shell that keeps a private cluster; it waits for its stdin to close.
    keeper: Option<Child>,
}

impl Server {
    fn find() -> Result<Self, String> {
        match std::env::var(VARIABLE) {
            Ok(url) => Ok(Self { url, keeper: None }),
            Err(_) => Self::start(),
        }
    }

    /// Starts a private cluster. Another process may take the port between
    /// our choice and the start, hence a few attempts.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = programs().ok_or_else(|| HELP.to_owned())?;
        let mut message = String::new();
        for _ in 0..3 {
            match Self::attempt(&programs) {
                Ok(server) => return Ok(server),
                Err(fault) => message = fault,
            }
        }
        Err(format!(
            "PostgreSQL in {} did not start.\n{message}\n{HELP}",
            programs.display()
        ))
    }

    fn attempt(programs: &Path) -> Result<Self, String> {
        let port = free_port().map_err(|fault| fault.to_string())?;
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(programs)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests; the keeper has to survive it and clean up.
            .process_group(0)
            .spawn()
            .map_err(|fault| fault.to_string())?;
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable");
        let said = first_words(&mut keeper);
        let server = Self {
            url,
            keeper: Some(keeper),
        };
        if said == "ready" {
            Ok(server)
        } else {
            Err(said)
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            if let Err(fault) = keeper.wait() {
                eprintln!("the keeper of PostgreSQL is lost: {fault}");
            }
        }
    }
}

/// Reads until the keeper closes its stdout: "ready", or the log of a failure.
fn first_words(keeper: &mut Child) -> String {
    let mut said = String::new();
    if let Some(mut stdout) = keeper.stdout.take()
        && let Err(fault) = stdout.read_to_string(&mut said)
    {
        said = fault.to_string();
    }
    said.trim().to_owned()
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The folder of the newest installed server's programs. Debian keeps them out
/// of `PATH`, and its `pg_config` names the folder even where no server is.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    configured()
        .into_iter()
        .chain(versions())
        .chain(std::env::split_paths(&path))
        .find(|folder| {
            ["initdb", "pg_ctl", "postgres"]
                .iter()
                .all(|name| folder.join(name).is_file())
        })
}

fn configured() -> Option<PathBuf> {
    let said = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(said.stdout).ok()?.trim()))
}

fn versions() -> Vec<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut versions: Vec<u32> = folders
        .filter_map(|folder| folder.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable();
    let folder = |version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"));
    versions.into_iter().rev().map(folder).collect()
}
