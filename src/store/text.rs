//! Text of a column that applications write. SQLite takes any bytes as text:
//! bytes in; text out, with U+FFFD where they are none, beside the bytes
//! themselves. The promise: reading it never fails, so that no row keeps
//! another from being read.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types;
use diesel::sqlite::{Sqlite, SqliteValue};

/// The text of a column.
#[derive(Clone, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Text)]
pub(crate) struct Text {
    /// As it can be shown.
    pub(crate) text: String,
    /// What the column holds, where that is no text.
    pub(crate) garbled: Option<Vec<u8>>,
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            garbled: None,
        }
    }
}

impl FromSql<sql_types::Text, Sqlite> for Text {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let text = value.read_text().to_owned();
        let is_garbled = text.contains(char::REPLACEMENT_CHARACTER)
            && str::from_utf8(value.read_blob()).is_err();
        Ok(Self {
            garbled: is_garbled.then(|| value.read_blob().to_vec()),
            text,
        })
    }
}

impl FromSql<sql_types::Text, Pg> for Text {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<sql_types::Text, Pg>>::from_sql(value)?;
        Ok(Self {
            text,
            garbled: None,
        })
    }
}

impl<DB> ToSql<sql_types::Text, DB> for Text
where
    DB: Backend,
    str: ToSql<sql_types::Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.text.as_str().to_sql(out)
    }
}
