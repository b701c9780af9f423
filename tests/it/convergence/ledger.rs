//! What was done in a story, by whom, in order: written by the runner while it
//! plays, read by the checker at the end. Nothing here comes from squaresync.

/// What an application did to one field, and was told that it worked.
#[derive(Clone, Debug)]
pub(crate) struct LocalEdit {
    pub(crate) at: usize,
    pub(crate) row: String,
    pub(crate) field: &'static str,
    /// What the row held, so what the application saw.
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

/// What the seller did to one field.
#[derive(Clone, Debug)]
pub(crate) struct SellerEdit {
    pub(crate) at: usize,
    pub(crate) square_id: String,
    /// The version that it made.
    pub(crate) version: i64,
    pub(crate) field: &'static str,
    pub(crate) new: Option<String>,
}

/// An event that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) event_id: Option<String>,
    pub(crate) sha256: String,
    /// Whether a 2xx was heard.
    pub(crate) acked: bool,
    /// Whether Square signed it.
    pub(crate) genuine: bool,
}

/// A copy of the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied {
    /// When it was made.
    pub(crate) at: usize,
    /// How many calls Square had had then.
    pub(crate) calls: usize,
    /// How many events had been sent then.
    pub(crate) sent: usize,
}

/// A copy of the database that was put back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restored {
    pub(crate) copied: Copied,
    /// When it was put back.
    pub(crate) back: usize,
    /// How many calls Square had had then.
    pub(crate) calls: usize,
    /// How many events had been sent when it was put back.
    pub(crate) sent: usize,
}

/// Everything that was done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Counts what happens.
    now: usize,
    pub(crate) inserts: Vec<(usize, String, String)>,
    pub(crate) edits: Vec<LocalEdit>,
    /// When, which row, and whose profile it was.
    pub(crate) deletes: Vec<(usize, String, Option<String>)>,
    pub(crate) seller: Vec<SellerEdit>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) restored: Vec<Restored>,
    /// Profiles whose segments the seller changed, of which nothing tells.
    pub(crate) segmented: Vec<String>,
    /// Errors of steps that no fault explains.
    pub(crate) strange: Vec<String>,
    /// Censuses that ended more than anybody approved of.
    pub(crate) beyond_the_cap: Vec<String>,
    /// What came in while the database took no events, and was acked all the same.
    pub(crate) false_acks: usize,
    /// How often each thing that is not a call's fault happened.
    pub(crate) happened: std::collections::BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// The number of the next thing that happens.
    pub(crate) fn tick(&mut self) -> usize {
        self.now += 1;
        self.now
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    /// Whether something done then may be gone with the copy that was put back.
    pub(crate) fn may_be_lost(&self, at: usize) -> bool {
        self.restored
            .iter()
            .any(|restored| restored.copied.at < at && at < restored.back)
    }
}
