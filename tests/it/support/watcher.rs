//! Whether anybody wrote into a database: not what, but that.

use super::{Kind, OtherProgram, TestDb};

/// Sees whether anybody else wrote.
pub(crate) struct Watcher {
    other: OtherProgram,
    look: String,
}

impl Watcher {
    pub(crate) fn new(db: &TestDb) -> Self {
        let mut other = OtherProgram::new(db);
        let look = match db.kind() {
            // Differs as soon as another connection has committed anything.
            Kind::Sqlite => "SELECT data_version AS value FROM pragma_data_version".to_owned(),
            // Every row of every table with the transaction that wrote it, and how many were ever written.
            Kind::Postgres => other
                .values(
                    "SELECT format('SELECT %L || xmin || '' '' || ctid || '' '' || t AS value FROM %I AS t', \
                     tablename, tablename) AS value FROM pg_tables WHERE schemaname = current_schema()",
                )
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" UNION ALL "),
        };
        Self { other, look }
    }

    pub(crate) fn look(&mut self) -> Vec<Option<String>> {
        let mut seen = self.other.values(&self.look);
        seen.sort();
        seen
    }
}
