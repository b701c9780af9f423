//! A copy of a database that can be put back, as somebody does after a mishap.

use std::path::PathBuf;

use tempfile::TempDir;

use super::{App, Kind};

/// The copy.
pub(crate) enum Backup {
    /// A file; the folder goes with the value.
    File { copy: PathBuf, _folder: TempDir },
    /// The tables, each with its copy.
    Tables(Vec<(String, String)>),
}

/// The tables of the program.
const TABLES: &str = "SELECT table_name AS value FROM information_schema.tables \
     WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' \
     AND table_name NOT LIKE 'copy_%' AND table_name <> '__diesel_schema_migrations'";

impl App {
    /// Copies all that is on disk.
    pub(crate) fn backup(&self) -> Backup {
        let mut other = self.other();
        if self.db.kind() == Kind::Sqlite {
            let folder = TempDir::with_prefix("squaresync-backup.").unwrap();
            let copy = folder.path().join("copy.db");
            other
                .run(&format!("VACUUM INTO '{}'", copy.display()))
                .unwrap();
            return Backup::File {
                copy,
                _folder: folder,
            };
        }
        let tables: Vec<String> = other.values(TABLES).into_iter().flatten().collect();
        let copied = tables.into_iter().map(|table| {
            let copy = format!("copy_{}_{table}", fastrand::u32(..));
            other
                .run(&format!("CREATE TABLE {copy} AS SELECT * FROM {table}"))
                .unwrap();
            (table, copy)
        });
        Backup::Tables(copied.collect())
    }

    /// Ends the process, puts the copy in the database's place and starts another.
    pub(crate) async fn restored(self, backup: &Backup) -> Self {
        self.again(|db| match backup {
            Backup::File { copy, .. } => {
                let path = db.url().trim_start_matches("sqlite:").to_owned();
                for end in ["", "-wal", "-shm"] {
                    // The last two are there only while somebody has the file open.
                    drop(std::fs::remove_file(format!("{path}{end}")));
                }
                std::fs::copy(copy, path).unwrap();
            }
            Backup::Tables(tables) => {
                let mut other = super::OtherProgram::new(db);
                other
                    .run("ALTER TABLE customers DISABLE TRIGGER USER")
                    .unwrap();
                for (table, copy) in tables {
                    let put_back =
                        format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {copy}");
                    other.run(&put_back).unwrap();
                }
                other
                    .run("ALTER TABLE customers ENABLE TRIGGER USER")
                    .unwrap();
            }
        })
        .await
    }
}
