//! Moments as both databases hold them: UTC, cut to microseconds, since
//! PostgreSQL keeps no more and the two must not differ.

use std::fmt::Write;

use chrono::{DateTime, NaiveDateTime, SubsecRound};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types;
use diesel::sqlite::Sqlite;

use crate::domain::Timestamp;

/// For a column.
pub fn stored(moment: Timestamp) -> NaiveDateTime {
    moment.naive_utc().trunc_subsecs(6)
}

/// From a column.
pub fn moment(stored: NaiveDateTime) -> Timestamp {
    DateTime::from_naive_utc_and_offset(stored, chrono::Utc)
}

/// A moment in a column of a table to which many rows are written at once. SQLite is
/// given the same text as diesel's own, which takes several times as long to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Timestamp)]
pub(crate) struct At(pub(crate) NaiveDateTime);

impl ToSql<sql_types::Timestamp, Sqlite> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        let mut text = String::with_capacity("2026-12-31 23:59:59.999999".len());
        write!(text, "{}", self.0)?;
        out.set_value(text);
        Ok(IsNull::No)
    }
}

impl ToSql<sql_types::Timestamp, Pg> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::Timestamp, Pg>::to_sql(&self.0, out)
    }
}

impl<DB> FromSql<sql_types::Timestamp, DB> for At
where
    DB: Backend,
    NaiveDateTime: FromSql<sql_types::Timestamp, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        NaiveDateTime::from_sql(value).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;
    use diesel::prelude::*;
    use diesel::sql_types::Timestamp;

    use super::At;

    diesel::define_sql_function! {
        /// What SQLite was given.
        fn quote(given: Timestamp) -> diesel::sql_types::Text;
    }

    #[test]
    fn sqlite_is_given_the_same_text_as_diesels_own() -> Result<(), Box<dyn std::error::Error>> {
        let mut connection = SqliteConnection::establish(":memory:")?;
        for moment in [
            "1969-12-31T23:59:59",
            "2026-01-02T03:04:05",
            "2026-11-30T23:59:59.9",
            "2026-11-30T23:59:59.012",
            "2026-11-30T23:59:59.000010",
            "0001-01-01T00:00:00.123456",
            "+10000-01-01T00:00:00",
        ] {
            let moment: NaiveDateTime = moment.parse()?;
            let ours: String = diesel::select(quote(At(moment))).get_result(&mut connection)?;
            let its: String = diesel::select(quote(moment)).get_result(&mut connection)?;
            assert_eq!(ours, its);
        }
        Ok(())
    }
}
