//! Whose token this is, and whether this database is that seller's.
//!
//! In: Square's word for the token. Out: the seller, recorded when first seen.
//! The promise: a database that belongs to one seller or environment is never
//! used with the token of another; nothing is changed when it is refused.

use crate::domain::Timestamp;
use crate::domain::id::MerchantId;
use crate::flows::error::FlowError;
use crate::square::client::Square;
use crate::square::error::SquareError;
use crate::store::{Db, Store, StoreError, StoreResult, sellers};

/// Asks Square whose token this is, and records the seller if there is none yet.
pub async fn identify(
    store: &Store,
    square: &Square,
    environment: &'static str,
    now: Timestamp,
) -> Result<MerchantId, FlowError> {
    match square.token_status().await {
        Ok(status) => {
            let merchant = status.merchant_id;
            let found = store.read(sellers::all).await?;
            if is_settled(&found, &merchant, environment)? {
                return Ok(merchant);
            }
            let id = merchant.clone();
            store
                .write(move |db| accept(db, &id, environment, now))
                .await?;
            Ok(merchant)
        }
        Err(error) => {
            note_refusal(store, &error, now).await?;
            Err(error.into())
        }
    }
}

/// Asks Square whose token this is, and whether the database may be that seller's. Writes nothing.
pub async fn recognise(
    store: &Store,
    square: &Square,
    environment: &'static str,
) -> Result<MerchantId, FlowError> {
    let merchant = square.token_status().await?.merchant_id;
    let found = store.read(sellers::all).await?;
    is_settled(&found, &merchant, environment)?;
    Ok(merchant)
}

/// Writes down that Square refuses the token, if that is what `error` says, for whoever looks at `status`.
pub async fn note_refusal(store: &Store, error: &SquareError, now: Timestamp) -> StoreResult<()> {
    let SquareError::NotAuthorised { code } = error else {
        return Ok(());
    };
    let code = code.clone();
    store
        .write(move |db| {
            for seller in sellers::all(db)? {
                if seller
                    .refusal
                    .as_ref()
                    .is_none_or(|(known, _)| *known != code)
                {
                    sellers::set_refusal(db, &seller.merchant_id, Some(&code), now)?;
                }
            }
            Ok(())
        })
        .await
}

/// Whether this database is the seller's and says nothing that is no longer so.
fn is_settled(
    found: &[sellers::Seller],
    merchant: &MerchantId,
    environment: &str,
) -> StoreResult<bool> {
    let Some(seller) = found.first() else {
        return Ok(false);
    };
    if seller.merchant_id != *merchant {
        return Err(StoreError::Unusable(format!(
            "this database belongs to seller {}, and SQUARE_ACCESS_TOKEN is of seller {merchant}; \
             name another database in DATABASE_URL or give the other token",
            seller.merchant_id
        )));
    }
    if seller.environment != environment {
        return Err(StoreError::Unusable(format!(
            "this database was made with SQUARE_ENVIRONMENT={} and is now opened with {environment}; \
             name another database in DATABASE_URL",
            seller.environment
        )));
    }
    Ok(seller.refusal.is_none())
}

fn accept(
    db: &mut Db,
    merchant: &MerchantId,
    environment: &str,
    now: Timestamp,
) -> StoreResult<()> {
    if sellers::all(db)?.is_empty() {
        return sellers::record(db, merchant, environment, now);
    }
    sellers::set_refusal(db, merchant, None, now)
}
