//! What can go wrong at the database, sorted by what the caller does next.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why the database did not do as asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot now: try again later, and promise nobody anything.
    #[error("the database cannot do this now: {0}")]
    Unavailable(String),
    /// It cannot with this data, and repeating will not help.
    #[error("the database does not take this: {0}")]
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

/// Texts by which SQLite and PostgreSQL say that they cannot at the moment,
/// where diesel gives nothing better to tell it by.
const PASSING: [&str; 10] = [
    "locked",
    "busy",
    "disk I/O error",
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

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        // `details()` may quote a row, so only the message is kept.
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
            Self::Rejected(text)
        } else {
            Self::Unavailable(text)
        }
    }
}

impl From<diesel::r2d2::PoolError> for StoreError {
    fn from(error: diesel::r2d2::PoolError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
