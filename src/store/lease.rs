//! `leases`: who does a seller's work of one kind now.
//!
//! A flow takes its lease in the same transaction as its first write and keeps
//! it with every further one, so work that turns out to change nothing costs no
//! write. Time is the database's own. A holder that died is followed once its
//! lease has run out, or at once where it is known to have died or starts again
//! under the same name.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::store::connection::Db;
use crate::store::error::{StoreError, StoreResult};
use crate::store::schema::leases;
use crate::store::time::moment;

/// How long a lease lasts unless it is kept: longer than one call to Square may take.
const SECONDS: i64 = 45;

/// Who wants a lease.
#[derive(Clone, Debug)]
pub struct Holder {
    /// What people are told.
    pub name: String,
    /// Whether the holder of that name is known to have ended without giving
    /// its lease back. Where that cannot be known, its lease runs out.
    pub is_gone: fn(&str) -> bool,
}

impl Holder {
    /// A holder that knows nothing of others.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_gone: |_| false,
        }
    }
}

/// A kind of work that one process at a time does for a seller, and who wants to do it.
#[derive(Clone, Debug)]
pub struct Lease {
    merchant: MerchantId,
    name: &'static str,
    holder: Holder,
    /// Set while held: a later holder's is higher.
    token: Option<i64>,
}

/// A lease that somebody holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The seller.
    pub merchant_id: MerchantId,
    /// The work.
    pub name: String,
    /// Who does it, as it called itself.
    pub holder: String,
    /// When it ends unless it is kept, by the database's clock.
    pub until: Timestamp,
}

/// Every lease that has not run out, by name.
pub fn held(db: &mut Db) -> StoreResult<Vec<Holding>> {
    let unexpired = diesel::dsl::sql::<Bool>(match db {
        Db::Sqlite(_) => "expires_at > strftime('%Y-%m-%d %H:%M:%f', 'now')",
        Db::Postgres(_) => "expires_at > (clock_timestamp() AT TIME ZONE 'UTC')",
    });
    let rows: Vec<(String, String, String, NaiveDateTime)> = leases::table
        .filter(unexpired)
        .select((
            leases::merchant_id,
            leases::name,
            leases::holder,
            leases::expires_at,
        ))
        .order((leases::merchant_id, leases::name))
        .load(db)?;
    let holding = |(merchant_id, name, holder, until)| Holding {
        merchant_id: MerchantId::new(merchant_id),
        name,
        holder,
        until: moment(until),
    };
    Ok(rows.into_iter().map(holding).collect())
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Text)]
    holder: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    token: i64,
    #[diesel(sql_type = Bool)]
    expired: bool,
}

impl Lease {
    /// The lease of the work `name`, not taken yet.
    pub fn new(merchant: &MerchantId, name: &'static str, holder: &Holder) -> Self {
        Self {
            merchant: merchant.clone(),
            name,
            holder: holder.clone(),
            token: None,
        }
    }

    /// Fails while somebody else holds it. Writes nothing.
    pub fn look(&self, db: &mut Db) -> StoreResult<()> {
        self.held_by_other(db).map(drop)
    }

    /// Takes or keeps the lease; part of every write of the work. Fails if it
    /// is, or was meanwhile, somebody else's: then nothing of this write is.
    pub fn hold(&self, db: &mut Db) -> StoreResult<Self> {
        crate::store::transaction::one_at_a_time(db, self.merchant.as_str())?;
        let held = self.held_by_other(db)?;
        let token = match (&held, self.token) {
            (Some(held), Some(token)) if held.token != token => {
                return Err(StoreError::Held {
                    name: self.name,
                    holder: held.holder.clone(),
                });
            }
            (Some(held), Some(_)) => held.token,
            (Some(held), None) => held.token + 1,
            (None, _) => 1,
        };
        self.put(db, held.is_none(), token)?;
        Ok(Self {
            token: Some(token),
            ..self.clone()
        })
    }

    /// Gives the lease back, so that others need not wait until it runs out.
    pub fn release(&self, db: &mut Db) -> StoreResult<()> {
        let Some(token) = self.token else {
            return Ok(());
        };
        let mine = leases::table
            .find((self.merchant.as_str(), self.name))
            .filter(leases::holder.eq(&self.holder.name))
            .filter(leases::token.eq(token));
        diesel::update(mine)
            .set(leases::expires_at.eq(chrono::NaiveDateTime::default()))
            .execute(db)?;
        Ok(())
    }

    /// Whether this is held, as far as the holder knows.
    pub fn is_taken(&self) -> bool {
        self.token.is_some()
    }

    fn held_by_other(&self, db: &mut Db) -> StoreResult<Option<Held>> {
        let now = now(db);
        let query = format!(
            "SELECT holder, token, expires_at <= {now} AS expired FROM leases WHERE merchant_id = $1 AND name = $2"
        );
        let held: Option<Held> = diesel::sql_query(query)
            .bind::<Text, _>(self.merchant.as_str())
            .bind::<Text, _>(self.name)
            .get_result(db)
            .optional()?;
        match held {
            Some(held) if !self.may_follow(&held) => Err(StoreError::Held {
                name: self.name,
                holder: held.holder,
            }),
            held => Ok(held),
        }
    }

    fn may_follow(&self, held: &Held) -> bool {
        held.expired || held.holder == self.holder.name || (self.holder.is_gone)(&held.holder)
    }

    fn put(&self, db: &mut Db, is_new: bool, token: i64) -> StoreResult<()> {
        let until = match db {
            Db::Sqlite(_) => format!("strftime('%Y-%m-%d %H:%M:%f', 'now', '+{SECONDS} seconds')"),
            Db::Postgres(_) => {
                format!("(clock_timestamp() AT TIME ZONE 'UTC') + interval '{SECONDS} seconds'")
            }
        };
        let query = if is_new {
            format!(
                "INSERT INTO leases (holder, token, merchant_id, name, expires_at) VALUES ($1, $2, $3, $4, {until})"
            )
        } else {
            format!(
                "UPDATE leases SET holder = $1, token = $2, expires_at = {until} WHERE merchant_id = $3 AND name = $4"
            )
        };
        diesel::sql_query(query)
            .bind::<Text, _>(&self.holder.name)
            .bind::<diesel::sql_types::BigInt, _>(token)
            .bind::<Text, _>(self.merchant.as_str())
            .bind::<Text, _>(self.name)
            .execute(db)?;
        Ok(())
    }
}

/// The database's own clock, as SQL.
fn now(db: &Db) -> &'static str {
    match db {
        Db::Sqlite(_) => "strftime('%Y-%m-%d %H:%M:%f', 'now')",
        Db::Postgres(_) => "(clock_timestamp() AT TIME ZONE 'UTC')",
    }
}
