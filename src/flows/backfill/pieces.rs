//! The windows of a backfill, read side by side.
//!
//! In: the windows that are still to be read. Out: their pages as they come, a
//! few at a time. The promise: no more are asked for than Square takes side by
//! side, and no more than a few wait to be taken in, so memory does not grow
//! with the directory; a question that got no answer is asked again. What it
//! knows is in memory: a crash begins the windows that are left again, so no more
//! of them are open than it takes to keep the database busy.

use std::collections::VecDeque;
use std::pin::{Pin, pin};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::domain::Timestamp;
use crate::domain::cutting::Cutting;
use crate::domain::window::Window;
use crate::flows::error::FlowError;
use crate::flows::pages::{Read, Reader};
use crate::square::client::{By, Square};

/// How many windows are read side by side at first, and at most.
const NARROW: usize = 4;
const WIDE: usize = 24;
/// How many pages may wait to be taken in.
const WAITING: usize = 32;

/// A window that is read.
struct Piece {
    reader: Reader,
    /// Whether it was cut from another one.
    is_cut: bool,
    /// Its first page and the number of pieces to cut it into, while it is
    /// asked when its last customer came.
    whole: Option<(Read, u64)>,
}

/// What Square was asked.
enum Answer {
    Page(Read),
    Newest(Option<Timestamp>),
}

/// A question on its way, with its piece.
type Asking = Pin<Box<dyn Future<Output = (Piece, Result<Answer, FlowError>)> + Send>>;

/// A page that waits to be taken in, and its window where it is the last one.
type Turned = (Read, Option<Window>);

/// All windows that are still to be read.
pub(super) struct Pieces {
    cutting: Cutting,
    /// How many customers are taken in at once: as many as make a good piece.
    at_once: u64,
    /// Those that nobody has opened, and whether each was cut from another one.
    unopened: VecDeque<(Window, bool)>,
    /// Those that are open and of which nothing is asked right now.
    open: VecDeque<Piece>,
    asking: FuturesUnordered<Asking>,
    turned: VecDeque<Turned>,
    /// How many are read side by side: twice as many each time that those pages that
    /// had come were taken, and no other one had.
    wide: usize,
    /// Whether pages had come when it was last waited for them.
    had_come: bool,
    /// Pieces that were cut since it was last asked.
    cut: Vec<Window>,
    /// Why a question got no answer.
    trouble: Option<FlowError>,
    /// How many windows there were to begin with, and how many of these were opened.
    windows: u64,
    opened: u64,
    /// How many customers those that were opened hold.
    held: u64,
}

impl Pieces {
    /// Nothing was asked yet.
    pub(super) fn new(windows: &[Window], size: u64) -> Self {
        Self {
            cutting: Cutting::into_pieces_of(size),
            at_once: size,
            unopened: windows.iter().map(|window| (*window, false)).collect(),
            open: VecDeque::new(),
            asking: FuturesUnordered::new(),
            turned: VecDeque::new(),
            wide: NARROW,
            had_come: false,
            cut: Vec::new(),
            trouble: None,
            windows: windows.len().try_into().unwrap_or(u64::MAX),
            opened: 0,
            held: 0,
        }
    }

    /// How many customers there are to read: while not all windows that were left
    /// have been opened, as if the others held as many as these.
    pub(super) fn held(&self) -> Option<u64> {
        let all = self.held.saturating_mul(self.windows);
        all.checked_div(self.opened)
    }

    /// The pieces that were cut since this was last asked.
    pub(super) fn cut(&mut self) -> Vec<Window> {
        std::mem::take(&mut self.cut)
    }

    /// Waits until a page has come. False where all have been taken.
    pub(super) async fn come(&mut self, square: &Square) -> Result<bool, FlowError> {
        self.trouble = None;
        // A question without an answer is not helped by more of them.
        if std::mem::take(&mut self.had_come) && self.turned.is_empty() {
            self.wide = WIDE.min(self.wide * 2);
        }
        while self.turned.is_empty() {
            self.ask(square);
            match self.asking.next().await {
                Some((piece, answer)) => self.hear(piece, answer),
                None => return self.trouble.take().map_or(Ok(false), Err),
            }
        }
        self.had_come = true;
        Ok(true)
    }

    /// Does `work` while further pages come.
    pub(super) async fn meanwhile<T>(
        &mut self,
        square: &Square,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        loop {
            self.ask(square);
            tokio::select! {
                biased;
                Some((piece, answer)) = self.asking.next(), if self.turned.len() < WAITING => {
                    self.hear(piece, answer);
                }
                done = &mut work => return done,
            }
        }
    }

    /// Takes some of the pages that have come, and the windows that end with them.
    pub(super) fn take(&mut self) -> (Read, Vec<Window>) {
        let (mut all, mut ended) = (Read::of(Vec::new()), Vec::new());
        while let Some((read, end)) = self.turned.pop_front() {
            all.observations.extend(read.observations);
            all.unreadable += read.unreadable;
            ended.extend(end);
            let next = self.turned.front();
            let next = next.map_or(0, |(read, _)| read.observations.len());
            let taken = all.observations.len() + next;
            if self.at_once < taken.try_into().unwrap_or(u64::MAX) {
                break;
            }
        }
        (all, ended)
    }

    /// Asks for as much as Square takes. Windows that are open go before others.
    fn ask(&mut self, square: &Square) {
        let wide = self.wide.min(square.width());
        while self.trouble.is_none()
            && self.asking.len() < wide
            && self.turned.len() + self.asking.len() < WAITING + wide
        {
            let unopened = &mut self.unopened;
            let next = self.open.pop_front().or_else(|| {
                let (window, is_cut) = unopened.pop_front()?;
                Some(Piece {
                    reader: Reader::new(By::CreatedAt, window),
                    is_cut,
                    whole: None,
                })
            });
            let Some(piece) = next else {
                return;
            };
            self.asking.push(Box::pin(asked(piece, square.clone())));
        }
    }

    fn hear(&mut self, mut piece: Piece, answer: Result<Answer, FlowError>) {
        match answer {
            Ok(Answer::Page(read)) if piece.reader.is_first() => self.opened(piece, read),
            Ok(Answer::Page(read)) => self.turn(piece, read),
            Ok(Answer::Newest(newest)) => {
                let Some((read, pieces)) = piece.whole.take() else {
                    return;
                };
                self.divide(piece, read, pieces, newest);
            }
            Err(error) => {
                self.trouble = Some(error);
                self.open.push_back(piece);
            }
        }
    }

    /// The first page of a window has come.
    fn opened(&mut self, mut piece: Piece, read: Read) {
        let held = piece.reader.held().unwrap_or_default();
        if !piece.is_cut {
            piece.is_cut = true;
            self.opened += u64::from(piece.reader.held().is_some());
            self.held += held;
            self.cutting.opened(held);
        }
        match self.cutting.pieces(held) {
            Some(pieces) if !read.is_last => {
                // Spent now, since others are opened before the answer comes.
                self.cutting.spend(pieces);
                piece.whole = Some((read, pieces));
                self.open.push_front(piece);
            }
            _ => self.turn(piece, read),
        }
    }

    /// Cuts a window whose first and last customers are known. One that cannot
    /// be cut is read as it is.
    fn divide(&mut self, piece: Piece, read: Read, pieces: u64, newest: Option<Timestamp>) {
        let first = read.earliest;
        let times = first.zip(newest);
        let cut = times.map(|(first, last)| piece.reader.window().cut(first, last, pieces));
        match cut {
            Some(cut) if 1 < cut.len() => {
                // Before all others: what was cut last is known to have pages.
                let first = cut.iter().rev();
                first.for_each(|window| self.unopened.push_front((*window, true)));
                self.cut.extend(cut);
            }
            _ => self.turn(piece, read),
        }
    }

    fn turn(&mut self, piece: Piece, read: Read) {
        let end = read.is_last.then(|| piece.reader.window());
        if end.is_none() {
            self.open.push_front(piece);
        }
        self.turned.push_back((read, end));
    }
}

/// Asks the next question about a piece.
async fn asked(mut piece: Piece, square: Square) -> (Piece, Result<Answer, FlowError>) {
    let answer = if piece.whole.is_some() {
        let newest = square.newest(piece.reader.window()).await;
        newest.map(Answer::Newest).map_err(FlowError::from)
    } else {
        piece.reader.next(&square).await.map(Answer::Page)
    };
    (piece, answer)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn second(second: i64) -> Timestamp {
        DateTime::from_timestamp(second, 0).unwrap_or_default()
    }

    fn window(start: i64, end: i64) -> Window {
        let (start, end) = (second(start), second(end));
        Window { start, end }
    }

    #[test]
    fn what_was_cut_is_read_before_other_windows() {
        let mut pieces = Pieces::new(&[window(100, 200)], 1);
        let cut = Piece {
            reader: Reader::new(By::CreatedAt, window(0, 100)),
            is_cut: false,
            whole: None,
        };
        let first_page = Read {
            earliest: Some(second(10)),
            ..Read::of(Vec::new())
        };

        pieces.divide(cut, first_page, 2, Some(second(90)));

        let starts: Vec<Timestamp> = pieces.unopened.iter().map(|(it, _)| it.start).collect();
        assert!(starts.is_sorted() && starts.len() == 3, "{starts:?}");
    }
}
