//! The database of a command that only looks at what is there already: a
//! location in, the store out. A file that is missing is not made.

use anyhow::bail;

use crate::store::{Location, Store};

/// Opens the database, and brings its tables up to date.
pub(super) async fn open(location: Location) -> anyhow::Result<Store> {
    if let Location::Sqlite(path) = &location
        && !path.exists()
    {
        // A new, empty one would look like a shop without customers.
        bail!(
            "there is no database at {} yet; serve, sync and migrate make one",
            path.display()
        );
    }
    Ok(Store::open(location).await?)
}
