//! The one door for everything learnt about Square.
//!
//! In: observations, from webhooks, pages, answers and replays, and the
//! transaction they belong to. Out: the images folded, the rows of `customers`
//! brought along, every effect in `changes`. The promise: the same
//! observations in any order and number give the same rows, and what tells
//! nothing new writes nothing. A crash leaves all of a transaction or nothing.
//!
//! A row that an application holds locked, or one that may be the profile of a
//! create whose answer is still out, is not touched: its image waits, marked
//! unmerged, for [`catch_up`].

use std::borrow::Borrow;

use crate::domain::Timestamp;
use crate::domain::field::Fields;
use crate::domain::id::{CustomerId, MerchantId, SquareId};
use crate::domain::image::Effect;
use crate::domain::merge::Rule;
use crate::domain::observation::Observation;
use crate::flows::notice;
use crate::store::changes::{self, Source};
use crate::store::customers::Row;
use crate::store::outbox::Call;
use crate::store::{Db, StoreResult, images};

mod book;
mod ledger;
mod merged;
mod place;
mod read;
mod row;

pub(crate) use book::{LONGEST_CHAIN, Learnt};
pub(crate) use row::square_columns;

use book::Book;

/// Whose directory it is about, and how what is learnt takes effect.
#[derive(Clone, Debug)]
pub struct Learning {
    /// The seller.
    pub merchant: MerchantId,
    /// What it was learnt from.
    pub source: Source,
    /// Who wins a field that both sides changed.
    pub rule: Rule,
    /// Now.
    pub now: Timestamp,
}

/// How many observations are taken in together: what has to be known of them, and
/// what is written, takes several times the memory that they do.
const AT_ONCE: usize = 400;

/// Takes observations in. Gives what each of them did.
pub fn apply(
    db: &mut Db,
    learning: &Learning,
    observations: &[impl Borrow<Observation>],
) -> StoreResult<Vec<Effect>> {
    images::lock(db, &learning.merchant)?;
    let mut effects = Vec::with_capacity(observations.len());
    for together in observations.chunks(AT_ONCE) {
        let (did, learnt) = locked(db, learning, together)?;
        learnt.write(db, &[])?;
        effects.extend(did);
    }
    Ok(effects)
}

/// Like [`apply`], where the seller's images are locked, for a few observations. What
/// they tell is still to be written.
pub(crate) fn locked(
    db: &mut Db,
    learning: &Learning,
    observations: &[impl Borrow<Observation>],
) -> StoreResult<(Vec<Effect>, Learnt)> {
    let mut book = Book::about_news(db, learning, observations.iter().map(Borrow::borrow))?;
    let effects = observations
        .iter()
        .map(|observation| book.take(observation.borrow()))
        .collect();
    Ok((effects, book.learnt(db)?))
}

/// Takes in Square's answers to calls of ours: what each shows belongs to the
/// row that its call was about, whatever else seems to be so.
pub fn answers(
    db: &mut Db,
    learning: &Learning,
    answers: &[(&Call, &Observation)],
) -> StoreResult<()> {
    if answers.is_empty() {
        return Ok(());
    }
    images::lock(db, &learning.merchant)?;
    let mut book = Book::about(db, learning, answers.iter().map(|(_, shown)| *shown))?;
    book.read_rows(
        db,
        answers
            .iter()
            .map(|(call, _)| call.customer_id.clone())
            .collect(),
    )?;
    for (call, observation) in answers {
        book.answered = Some(call);
        book.take(observation);
    }
    book.close(db)
}

/// Makes a profile that is known the row's, which had none. What the two hold
/// differently is merged on top of `base`, what both are known to have agreed on.
pub(crate) fn adopt(
    db: &mut Db,
    learning: &Learning,
    row: &CustomerId,
    base: Fields,
    profile: &SquareId,
) -> StoreResult<()> {
    images::lock(db, &learning.merchant)?;
    let call = Call::nothing_yet(row.clone(), base, learning.now);
    let mut book = Book::open(db, learning, std::slice::from_ref(profile))?;
    book.give(db, &call)?;
    book.bring_along(profile);
    book.close(db)
}

/// Brings rows along that had to wait. Gives whether any did come along.
pub fn catch_up(db: &mut Db, learning: &Learning, limit: i64) -> StoreResult<bool> {
    images::lock(db, &learning.merchant)?;
    let mut waiting = images::unmerged(db, &learning.merchant, limit)?;
    // The same rows come along in the same order.
    waiting.sort_unstable();
    bring_along(db, learning, &waiting)
}

/// Brings the rows of these profiles along with what is known of them.
pub(crate) fn bring_along(db: &mut Db, learning: &Learning, ids: &[SquareId]) -> StoreResult<bool> {
    if ids.is_empty() {
        return Ok(false);
    }
    let mut book = Book::open(db, learning, ids)?;
    let came = ids.iter().filter(|id| book.bring_along(id)).count();
    book.close(db)?;
    Ok(0 < came)
}

/// Sees to edits of rows that gave their profile up before they were made.
/// Gives whether any could be seen to.
pub(crate) fn given_up(db: &mut Db, learning: &Learning, rows: &[Row]) -> StoreResult<bool> {
    let mut came_along = false;
    for row in rows {
        let Some(square_id) = &row.square_id else {
            continue;
        };
        notice::take_of(db, &learning.merchant, std::slice::from_ref(&row.id))?;
        let mut base = row.fields.clone();
        for (field, before) in changes::edits_since_ours(db, &row.id)? {
            base.set(field, before);
        }
        let mut book = Book::open(db, learning, std::slice::from_ref(square_id))?;
        came_along |= book.give_up(square_id, row, &base);
        book.close(db)?;
    }
    Ok(came_along)
}

/// Puts rows back that an application deleted and that Square still has. Gives those put back.
pub fn restore(
    db: &mut Db,
    learning: &Learning,
    ids: &[CustomerId],
) -> StoreResult<Vec<CustomerId>> {
    images::lock(db, &learning.merchant)?;
    let profiles = images::of_customers(db, &learning.merchant, ids)?;
    let profiles: Vec<_> = profiles
        .into_iter()
        .filter(|(_, held)| held.image.is_live())
        .collect();
    let square_ids: Vec<_> = profiles.iter().map(|(id, _)| id.clone()).collect();
    let mut book = Book::open(db, learning, &square_ids)?;
    let restored = square_ids
        .iter()
        .filter_map(|id| book.restore(id))
        .collect();
    book.close(db)?;
    Ok(restored)
}
