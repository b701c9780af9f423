//! The shop's own program, as the demo plays it: plain SQL on a connection of
//! its own, which knows nothing of squaresync but the table `customers`.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

use crate::domain::field::Field;
use crate::store::error::{StoreError, StoreResult};

/// A statement for somebody to try.
pub const EXAMPLE: &str = "INSERT INTO customers (given_name) VALUES ('Ann')";

/// The shop's connection.
pub struct Shop(SqliteConnection);

/// What the shop sees of a customer.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Person {
    /// The primary key.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// Square's id, once there is one.
    #[diesel(sql_type = Nullable<Text>)]
    pub square_id: Option<String>,
    /// A name to call the person by.
    #[diesel(sql_type = Text)]
    pub name: String,
}

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

impl Shop {
    /// Opens the file that squaresync made.
    pub fn open(path: &Path) -> StoreResult<Self> {
        let mut connection = SqliteConnection::establish(&path.to_string_lossy())
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        connection.batch_execute("PRAGMA busy_timeout = 5000")?;
        Ok(Self(connection))
    }

    /// A new customer. Gives the id that the table filled in.
    pub fn insert(&mut self, given_name: &str, family_name: &str) -> StoreResult<String> {
        let made: Vec<Cell> = diesel::sql_query(
            "INSERT INTO customers (given_name, family_name) VALUES ($1, $2) RETURNING id AS value",
        )
        .bind::<Text, _>(given_name)
        .bind::<Text, _>(family_name)
        .load(&mut self.0)?;
        Ok(made
            .into_iter()
            .find_map(|cell| cell.value)
            .unwrap_or_default())
    }

    /// Changes one column of a customer.
    pub fn update(&mut self, id: &str, field: Field, value: &str) -> StoreResult<()> {
        let statement = format!("UPDATE customers SET {} = $1 WHERE id = $2", field.column());
        diesel::sql_query(statement)
            .bind::<Text, _>(value)
            .bind::<Text, _>(id)
            .execute(&mut self.0)?;
        Ok(())
    }

    /// Everybody who is not gone, in the order of their ids.
    pub fn people(&mut self) -> StoreResult<Vec<Person>> {
        Ok(diesel::sql_query(
            "SELECT id, square_id, coalesce(given_name, '') || ' ' || coalesce(family_name, '') AS name \
             FROM live_customers ORDER BY id",
        )
        .load(&mut self.0)?)
    }

    /// What one column holds of the customer with this id of Square's; none where there is no such live row.
    pub fn value(&mut self, square_id: &str, field: Field) -> StoreResult<Option<String>> {
        let statement = format!(
            "SELECT {} AS value FROM live_customers WHERE square_id = $1",
            field.column()
        );
        let found: Vec<Cell> = diesel::sql_query(statement)
            .bind::<Text, _>(square_id)
            .load(&mut self.0)?;
        Ok(found.into_iter().find_map(|cell| cell.value))
    }

    /// Whether there is a live row with this id of Square's.
    pub fn has(&mut self, square_id: &str) -> StoreResult<bool> {
        let found: Vec<Cell> =
            diesel::sql_query("SELECT id AS value FROM live_customers WHERE square_id = $1")
                .bind::<Text, _>(square_id)
                .load(&mut self.0)?;
        Ok(!found.is_empty())
    }

    /// Square's id of a row; none while it has none.
    pub fn square_id(&mut self, id: &str) -> StoreResult<Option<String>> {
        let found: Vec<Cell> =
            diesel::sql_query("SELECT square_id AS value FROM customers WHERE id = $1")
                .bind::<Text, _>(id)
                .load(&mut self.0)?;
        Ok(found.into_iter().find_map(|cell| cell.value))
    }
}
