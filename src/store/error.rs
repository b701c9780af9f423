//! What can go wrong at the database, sorted by what the caller does next.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why the database did not do as asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot now: try again later, and promise nobody anything.
    #[error("the database cannot do this now: {0}")]
    Unavailable(String),
    /// It cannot with this data, and repeating will not help.
    #[error("this cannot be stored or read: {0}")]
    Rejected(String),
    /// Another process does this work.
    #[error("{name} is being done by {holder}")]
    Held {
        /// The work.
        name: &'static str,
        /// Who does it, as it called itself.
        holder: String,
    },
    /// Somebody must act before this database can be used.
    #[error("{0}")]
    Unusable(String),
}

/// What a transaction or query of the store gives.
pub type StoreResult<T> = Result<T, StoreError>;

/// How SQLite says that a disk failed.
const DISK: &str = "disk I/O error";

/// Texts by which SQLite and PostgreSQL say that they cannot at the moment,
/// where diesel gives nothing better to tell it by.
const PASSING: [&str; 10] = [
    "locked",
    "busy",
    DISK,
    "disk is full",
    "readonly database",
    "unable to open database file",
    "canceling statement",
    "deadlock detected",
    "out of memory",
    "No space left on device",
];

/// Texts by which SQLite says that a file is none of its own, or a damaged one.
const UNUSABLE: [&str; 2] = ["file is not a database", "disk image is malformed"];

/// How messages begin that name tables, columns and programs, and quote no row.
const NAMES_ONLY: [&str; 16] = [
    "no such",
    "relation ",
    "column ",
    "function ",
    "schema ",
    "permission denied",
    "must be owner",
    "syntax error",
    "near ",
    "attempt to write",
    "access denied",
    "string or blob too big",
    "invalid byte sequence",
    "character with byte sequence",
    "squaresync: ",
    "FOREIGN KEY ",
];

/// What stands for a message that may quote a row.
const QUOTES: &str =
    "it gave an error whose text may quote a row and is not shown; its own log may hold it";

impl StoreError {
    /// Whether the disk failed under SQLite.
    pub(crate) fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Unavailable(text) if text.contains(DISK))
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        let text = error.to_string();
        if UNUSABLE.iter().any(|unusable| text.contains(unusable)) {
            return Self::Unusable(format!("SQLite cannot use this database: {text}"));
        }
        let rejected = match &error {
            DieselError::DatabaseError(kind, _) => match kind {
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation => true,
                DatabaseErrorKind::Unknown => !PASSING.iter().any(|passing| text.contains(passing)),
                _ => false,
            },
            DieselError::SerializationError(_) | DieselError::DeserializationError(_) => true,
            _ => false,
        };
        if rejected {
            Self::Rejected(unquoted(&error, text))
        } else {
            Self::Unavailable(text)
        }
    }
}

/// The message without a row's values: it is shown, logged and kept. Those of
/// broken constraints name the constraint; `details()`, which quotes the row, is
/// no part of them. All else may quote, a trigger of somebody else's above all.
fn unquoted(error: &DieselError, text: String) -> String {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, _)
            if !NAMES_ONLY.iter().any(|begin| text.starts_with(begin)) =>
        {
            QUOTES.to_owned()
        }
        DieselError::DatabaseError(..) => text,
        DieselError::SerializationError(_) => {
            "a value cannot be written into its column".to_owned()
        }
        _ => "a column holds what this program cannot read".to_owned(),
    }
}

impl From<diesel::r2d2::PoolError> for StoreError {
    fn from(error: diesel::r2d2::PoolError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
