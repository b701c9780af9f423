//! The program itself, as a process: settings in through its environment alone,
//! out come its exit code and what it said.
//!
//! Every process has a folder of its own to work in. What it says is read to the
//! end, and searched for what nobody may see there. A process that is dropped
//! is killed, so that none outlives its test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use squaresync::square::simulator::Simulator;
use tempfile::TempDir;

use super::TestDb;

mod said;

use said::Said;

/// Where tests say that Square sends its webhooks.
pub(crate) const URL: &str = "https://example.com/webhooks/square";
/// A token, a key and part of every name: none of them may be said.
pub(crate) const TOKEN: &str = "canary-token-nobody-may-see";
pub(crate) const KEY: &str = "canary-key-nobody-may-see";
pub(crate) const NAME: &str = "Canaryann";

/// Far more than any answer needs.
pub(crate) const LONG: Duration = Duration::from_secs(40);

/// How processes of one test are set up.
#[derive(Clone)]
pub(crate) struct Setup {
    folder: Arc<TempDir>,
    variables: BTreeMap<&'static str, String>,
}

/// A command that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A process that runs.
pub(crate) struct Running {
    child: Child,
    said: [Said; 2],
}

impl Setup {
    /// With a database and nothing else.
    pub(crate) fn bare(db: &TestDb) -> Self {
        let folder = TempDir::with_prefix("squaresync-process.").unwrap();
        let setup = Self {
            folder: Arc::new(folder),
            variables: BTreeMap::new(),
        };
        setup
            .with("DATABASE_URL", db.url())
            .with("SQUARESYNC_LOG_FORMAT", "json")
    }

    /// With all that `serve` needs; what it does by the clock, it does often.
    pub(crate) fn new(db: &TestDb, square: &Simulator) -> Self {
        Self::bare(db)
            .with("SQUARE_API_URL", square.url())
            .with("SQUARE_ACCESS_TOKEN", &square.token)
            .with("SQUARE_WEBHOOK_SIGNATURE_KEY", KEY)
            .with("SQUARE_WEBHOOK_URL", URL)
            .with("SQUARESYNC_LISTEN", "127.0.0.1:0")
            .with("SQUARESYNC_RECONCILE_EVERY", "500ms")
            .with("SQUARESYNC_OVERLAP", "10s")
    }

    /// The same with another value of a variable.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.insert(name, value.into());
        self
    }

    /// Starts the program.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squaresync"));
        command.args(arguments);
        self.spawn(command)
    }

    /// Starts the program by a shell, after `first`.
    pub(crate) fn start_after(&self, first: &str, arguments: &[&str]) -> Running {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]);
        command
            .arg(env!("CARGO_BIN_EXE_squaresync"))
            .args(arguments);
        self.spawn(command)
    }

    fn spawn(&self, mut command: Command) -> Running {
        let child = command
            .env_clear()
            .envs(&self.variables)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Running::new(child.unwrap())
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end(LONG).await
    }

    /// Runs a command that has to succeed and prints one JSON object.
    pub(crate) async fn report(&self, command: &str) -> Value {
        let ended = self.run(&[command, "--json"]).await;
        assert_eq!(ended.code, Some(0), "{command}: {}", ended.stderr);
        ended.object()
    }

    /// Starts `serve` and waits until it listens.
    pub(crate) async fn serve(&self) -> (Running, SocketAddr) {
        let serve = self.start(&["serve"]);
        let address = serve.address().await;
        (serve, address)
    }
}

impl Ended {
    /// The one line of standard output, which is a JSON object.
    #[track_caller]
    pub(crate) fn object(&self) -> Value {
        let lines: Vec<&str> = self.stdout.lines().collect();
        assert_eq!(lines.len(), 1, "{}", self.stdout);
        let object: Value = serde_json::from_str(lines[0]).unwrap();
        assert!(object.is_object(), "{object}");
        object
    }
}

impl Running {
    fn new(mut child: Child) -> Self {
        let stdout = Said::of(child.stdout.take().unwrap());
        let stderr = Said::of(child.stderr.take().unwrap());
        Self {
            child,
            said: [stdout, stderr],
        }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What was said to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.said[1].text()
    }

    /// The most memory it ever had, in MiB; none once it has ended.
    pub(crate) fn peak(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.process());
        let status = std::fs::read_to_string(path).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().unwrap();
        Some(kibibytes / 1024)
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Where it listens, once it says so.
    pub(crate) async fn address(&self) -> SocketAddr {
        let look = || {
            let log = self.stderr();
            let mut lines = log
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            lines.find_map(|line: Value| line.get("address")?.as_str()?.parse().ok())
        };
        until(LONG, || self.stderr(), look).await
    }

    /// Sends a signal, by the name that the shell has for it.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success(), "{kill}");
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.hear();
    }

    /// Waits for its end, but not for longer than `limit`.
    pub(crate) async fn end(mut self, limit: Duration) -> Ended {
        let said = [self.said[0].text.clone(), self.said[1].text.clone()];
        let told = || said.each_ref().map(|text| text.lock().unwrap().clone());
        let child = &mut self.child;
        let status: ExitStatus = until(
            limit,
            || {
                told()
                    .map(|text| String::from_utf8_lossy(&text).into_owned())
                    .concat()
            },
            || child.try_wait().unwrap(),
        )
        .await;
        let [stdout, stderr] = self.hear();
        Ended {
            code: status.code(),
            stdout,
            stderr,
        }
    }

    /// All that an ended process said, which is nothing that nobody may see.
    fn hear(&mut self) -> [String; 2] {
        self.said.each_mut().map(|said| {
            let text = said.all();
            for canary in [TOKEN, KEY, NAME] {
                assert!(!text.contains(canary), "{canary} is in\n{text}");
            }
            assert!(!text.contains("panicked"), "{text}");
            text
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Looks again and again until `look` finds something, but not for longer than
/// `limit`: then it fails with what `told` tells.
pub(crate) async fn until<T>(
    limit: Duration,
    told: impl Fn() -> String,
    mut look: impl FnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    loop {
        ticks.tick().await;
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < limit, "not within {limit:?}: {}", told());
    }
}

/// Lets time pass in which something is not to happen, or is to go on.
pub(crate) async fn passed(time: Duration) {
    let end = tokio::time::Instant::now() + time;
    tokio::time::interval_at(end, time).tick().await;
}
