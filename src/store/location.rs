//! Where the tables are, and how much of it may be seen.
//!
//! In comes a location that was read from a setting; out goes its name for logs
//! and messages. The promise: a password in it is shown by nothing.

use std::fmt;
use std::path::PathBuf;

/// Where the tables are. Whether text names one of these is told by its scheme
/// and by nothing else.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of SQLite's; made if it is not there.
    Sqlite(PathBuf),
    /// A PostgreSQL server: the whole URL as given, since it may hold a password.
    Postgres(String),
}

impl Location {
    /// Whether the URL holds a password, or is of a shape in which one cannot
    /// be told from the rest.
    pub fn holds_password(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(url) => server(url)
                .and_then(ServerUrl::split)
                .is_none_or(|url| url.holds_password()),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => match server(url).and_then(ServerUrl::split) {
                Some(url) => write!(f, "postgres://{}", url.place),
                None => f.write_str("postgres://.."),
            },
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What follows the scheme, if it is that of a PostgreSQL server.
pub fn server(text: &str) -> Option<&str> {
    text.strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"))
}

/// Whether SQLite takes `name` for a plain file, and not for its own notation
/// of a database in memory or of one with parameters.
pub fn is_plain_file(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(':') && !name.starts_with("file:")
}

/// A server URL in its parts. Not the `url` crate's: libpq takes several hosts
/// separated by commas, which that one refuses.
struct ServerUrl<'a> {
    user: &'a str,
    /// Hosts, ports and the name of the database: what may be shown.
    place: &'a str,
    query: &'a str,
}

impl<'a> ServerUrl<'a> {
    /// Cuts what follows the scheme. `None` where an `@`, `#` or second `?`
    /// stands in a place that lets a password look like a host.
    fn split(rest: &'a str) -> Option<Self> {
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, place) = before.split_once('@').unwrap_or(("", before));
        let odd = user.contains('/')
            || place.contains('@')
            || before.contains('#')
            || query.contains(['@', '?', '#']);
        (!odd).then_some(Self { user, place, query })
    }

    fn holds_password(&self) -> bool {
        self.user.contains(':')
            || url::form_urlencoded::parse(self.query.as_bytes())
                .any(|(name, _)| name.to_lowercase().contains("password"))
    }
}
