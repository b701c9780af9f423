//! The table as another program sees it and writes it, and all flows run until
//! both sides agree about it.

use super::{App, OtherProgram};

impl App {
    /// Another program on the same database.
    pub(crate) fn other(&self) -> OtherProgram {
        OtherProgram::new(&self.db)
    }

    /// Runs another program's statements.
    pub(crate) fn sql(&self, statements: &str) {
        self.other().run(statements).unwrap();
    }

    /// Every row of `customers` as the columns named, joined by blanks, in order.
    pub(crate) fn rows(&self, columns: &[&str]) -> Vec<String> {
        let columns: Vec<String> = columns
            .iter()
            .map(|column| format!("coalesce(CAST({column} AS TEXT), '-')"))
            .collect();
        let expression = columns.join(" || ' ' || ");
        let query = format!("SELECT {expression} AS value FROM customers");
        let mut rows: Vec<String> = self.other().values(&query).into_iter().flatten().collect();
        rows.sort();
        rows
    }

    /// The rows in a few words, for messages.
    pub(crate) fn dump(&self) -> String {
        self.rows(&[
            "id",
            "given_name",
            "square_id",
            "square_version",
            "sync_state",
            "sync_error",
            "deleted_at",
        ])
        .join("\n")
    }

    /// Everything until nobody owes anything.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..3 {
            self.deliver_all().await;
            self.push_all().await;
            self.pass().await;
        }
    }
}
