//! The end of each help text: what it prints, how it exits, how to call it.
//!
//! In comes nothing; out go texts that clap puts below the options.

/// Below the help of the program.
pub const PROGRAM: &str = "\
Secrets are never flags, since others can see the command line. Set them in the environment:
  SQUARE_ACCESS_TOKEN           the seller's token
  SQUARE_WEBHOOK_SIGNATURE_KEY  the key of the webhook subscription, or several separated
                                by commas while one is rotated
  SQUARESYNC_ADMIN_TOKEN        not used yet
or in squaresync.toml, under their names in lower case, readable by you alone:
  square_access_token = \"...\"

Results go to standard output, everything else to standard error.

Exit codes: 0 done, 1 failed, 2 wrong settings or usage, 3 the sides differ (verify, demo),
4 it could not be told whether they do (verify).

Examples:
  squaresync demo                                   see it work, with nothing to set up
  squaresync serve                                  keep both sides the same
  squaresync sync --json                            once, as a nightly job
  squaresync serve --database-url sqlite:shop.db --square-environment production";

/// Below the help of `serve`.
pub const SERVE: &str = "\
Needs SQUARE_ACCESS_TOKEN and SQUARE_WEBHOOK_SIGNATURE_KEY in the environment or the settings
file, and SQUARE_WEBHOOK_URL there or as a flag.

Prints nothing but the log, on standard error.

Exit codes: 0 stopped as asked, 1 failed, 2 wrong settings or usage.

Examples:
  squaresync serve --square-webhook-url https://shop.example/webhooks/square
  squaresync serve --listen 0.0.0.0:8080 --log-format json";

/// Below the help of `sync`.
pub const SYNC: &str = "\
Needs SQUARE_ACCESS_TOKEN in the environment or the settings file.

Exit codes: 0 done, even if Square refused rows or deletions wait for approval, 1 failed or not
all calls were answered (what was done stays done), 2 wrong settings or usage.

Examples:
  squaresync sync
  squaresync sync --approve
  squaresync sync --json --database-url sqlite:shop.db";

/// Below the help of `backfill`.
pub const BACKFILL: &str = "\
Needs SQUARE_ACCESS_TOKEN in the environment or the settings file.

Exit codes: 0 the whole directory was read, 1 failed (run it again, it goes on where it was),
2 wrong settings or usage.

Examples:
  squaresync backfill
  squaresync backfill --square-environment production --json";

/// Below the help of `push`.
pub const PUSH: &str = "\
Needs SQUARE_ACCESS_TOKEN in the environment or the settings file.

Exit codes: 0 nothing is owed any more, except rows that Square refused, 1 failed or many
deletions wait for --approve (what is still owed is kept), 2 wrong settings or usage.

Examples:
  squaresync push
  squaresync push --json
  squaresync push --push-deletes true --approve";

/// Below the help of `status`.
pub const STATUS: &str = "\
Exit codes: 0 shown, whatever it says, 1 the database could not be read, 2 wrong settings or
usage.

Examples:
  squaresync status
  squaresync status --json --database-url sqlite:shop.db";

/// Below the help of `dead`.
pub const DEAD: &str = "\
Exit codes: 0 done, 1 failed, no such event, or still dead after a retry, 2 wrong settings or
usage.

Examples:
  squaresync dead list
  squaresync dead show 17
  squaresync dead retry --all
  squaresync dead drop 17";

/// Below the help of `dead list`.
pub const DEAD_LIST: &str = "\
Exit codes: 0 listed, even if there are none, 1 failed, 2 wrong settings or usage.

Examples:
  squaresync dead list
  squaresync dead list --json --database-url sqlite:shop.db";

/// Below the help of `dead show`.
pub const DEAD_SHOW: &str = "\
Exit codes: 0 shown, 1 failed or no dead event has the number, 2 wrong settings or usage.

Examples:
  squaresync dead show 17
  squaresync dead show 17 --json";

/// Below the help of `dead retry`.
pub const DEAD_RETRY: &str = "\
Exit codes: 0 none of them is dead any more, 1 failed, no dead event has the number, or one is
still dead, 2 wrong settings or usage.

Examples:
  squaresync dead retry 17
  squaresync dead retry --all --json";

/// Below the help of `dead drop`.
pub const DEAD_DROP: &str = "\
Exit codes: 0 dropped, 1 failed or no dead event has the number, 2 wrong settings or usage.

Examples:
  squaresync dead drop 17
  squaresync dead drop --all";

/// Below the help of `conflicts`.
pub const CONFLICTS: &str = "\
Exit codes: 0 done, 1 failed, or nothing was changed for the reason given, 2 wrong settings or
usage.

Examples:
  squaresync conflicts list
  squaresync conflicts show 3
  squaresync conflicts resolve 3 --take square";

/// Below the help of `conflicts list`.
pub const CONFLICTS_LIST: &str = "\
Exit codes: 0 listed, even if there are none, 1 failed, 2 wrong settings or usage.

Examples:
  squaresync conflicts list
  squaresync conflicts list --all --json";

/// Below the help of `conflicts show`.
pub const CONFLICTS_SHOW: &str = "\
Exit codes: 0 shown, 1 failed or no conflict has the number, 2 wrong settings or usage.

Examples:
  squaresync conflicts show 3
  squaresync conflicts show 3 --json";

/// Below the help of `conflicts resolve`.
pub const CONFLICTS_RESOLVE: &str = "\
Exit codes: 0 resolved, 1 failed, or nothing was changed for the reason given, 2 wrong settings
or usage.

Examples:
  squaresync conflicts resolve 3 --take square        Square's value stands
  squaresync conflicts resolve 3 --take local         the application's value stands
  squaresync conflicts resolve 3 --take \"Ann O'Hara\"  this value stands
  squaresync conflicts resolve 3 --take ''            the field is cleared
  squaresync conflicts resolve 3 --take value:local   the text `local` stands
  squaresync conflicts resolve 4 --take JDKYHBWT1D4F8MFH63DBMEN8Y4
                                                      the row is this profile";
/// Below the help of `verify`.
pub const VERIFY: &str = "\
Needs SQUARE_ACCESS_TOKEN in the environment or the settings file.

What is listed:
  missing      at Square, and not live here
  extra        live here, and Square has no such customer
  unequal      on both sides, with different content: in which fields, and whose change is lost
  owed         changed here, and Square is still to be told; `push` does that
  failed       refused by Square, with its reason
  conflict     a person has to decide
  stale alias  an id for which Square answers with another profile than is known here
  unmerged     shown by Square, and waiting to be put into the row

Exit codes: 0 both sides are equal, 2 wrong settings or usage, 3 they differ, 4 it could not be
told, for one because Square could not be asked for all. With --repair it is what is left then.

Examples:
  squaresync verify
  squaresync verify --json --database-url sqlite:shop.db
  squaresync verify --repair";

/// Below the help of `replay`.
pub const REPLAY: &str = "\
With --to it needs SQUARE_WEBHOOK_SIGNATURE_KEY in the environment or the settings file.

Exit codes: 0 every body was kept, the unreadable ones as dead (with --to: accepted), 1 a file
could not be read or a body not be kept (with --to: was refused), 2 wrong settings or usage.

Examples:
  squaresync replay recorded/
  squaresync replay monday.jsonl tuesday.jsonl --json
  squaresync replay body.json --to http://127.0.0.1:8080/webhooks/square";

/// Below the help of `simulate`.
pub const SIMULATE: &str = "\
Exit codes: 0 stopped as asked, 1 failed, such as when the port is taken, 2 wrong settings or
usage.

Examples:
  squaresync simulate --customers 1000
  squaresync simulate --listen 127.0.0.1:0 --latency 50ms --rate-limited 0.1 --seed 7
  squaresync simulate --webhook-url http://127.0.0.1:8080/webhooks/square --webhooks-doubled 0.2
and in another terminal:
  SQUARE_ACCESS_TOKEN=sandbox-token squaresync sync --square-api-url http://127.0.0.1:8181";

/// Below the help of `demo`.
pub const DEMO: &str = "\
Needs no account and no settings, and reaches nothing outside this machine.

Exit codes: 0 both sides agree, 1 failed, 2 wrong usage, 3 the sides differ.

Examples:
  squaresync demo
  squaresync demo --seconds 60 --seed 7
  squaresync demo --keep";

/// Below the help of `migrate`.
pub const MIGRATE: &str = "\
Exit codes: 0 the tables are as this version needs them, 1 failed (nothing half done is left),
2 wrong settings or usage.

Examples:
  squaresync migrate
  squaresync migrate --json --database-url postgres://shop@localhost/shop";
