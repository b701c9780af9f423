//! Into how many pieces a window is cut, so that they can be read side by side.
//!
//! In: how many customers a window holds. Out: a number of pieces. The promise:
//! whatever the customers' dates, cutting costs no more requests than a fixed
//! few and a fixed share of the pages, since each piece may end with a page that
//! is not full. Where that is spent, a window is read as it is.

/// Requests that may be spent on any directory.
const FEW: u64 = 10;
/// Of every ten thousand customers, the requests that may be spent: 13 of 100 pages.
const OF_TEN_THOUSAND: u64 = 13;
/// What a cut costs beside its pieces: the page that showed how much the window
/// holds, and the question when the last of them came.
const OVERHEAD: u64 = 2;
/// The most pieces of one window. Cut into more at once, a window whose
/// customers all came together would be mostly empty pieces.
const MOST: u64 = 16;

/// What may still be spent on cutting.
#[derive(Clone, Copy, Debug)]
pub struct Cutting {
    /// How many customers make a good piece.
    size: u64,
    spare: u64,
}

impl Cutting {
    /// Nothing was cut yet; a good piece holds `size` customers.
    pub fn into_pieces_of(size: u64) -> Self {
        Self {
            size: size.max(1),
            spare: FEW,
        }
    }

    /// A window was opened that is not a piece of another one.
    pub fn opened(&mut self, held: u64) {
        self.spare += held.saturating_mul(OF_TEN_THOUSAND) / 10_000;
    }

    /// Into how many pieces a window that holds as many is to be cut; none where
    /// it is good as it is, or where nothing is left to spend.
    pub fn pieces(&self, held: u64) -> Option<u64> {
        let wanted = if self.size.saturating_mul(2) < held {
            held.div_ceil(self.size).min(MOST)
        } else {
            1
        };
        let pieces = wanted.min(self.spare.saturating_sub(OVERHEAD));
        (2 <= pieces).then_some(pieces)
    }

    /// A window was cut into `pieces`, or turned out to be of one.
    pub fn spend(&mut self, pieces: u64) {
        self.spare = self.spare.saturating_sub(pieces.max(1) + OVERHEAD);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a window whose customers fall into pieces as `spread` says, and
    /// gives how many requests that took.
    fn requests(cutting: &mut Cutting, held: u64, spread: &mut impl FnMut(u64, u64) -> u64) -> u64 {
        let Some(pieces) = cutting.pieces(held) else {
            return held.div_ceil(100).max(1);
        };
        cutting.spend(pieces);
        let (mut asked, mut left) = (OVERHEAD, held);
        for piece in (0..pieces).rev() {
            let part = if piece == 0 {
                left
            } else {
                spread(left, piece).min(left)
            };
            left -= part;
            asked += requests(cutting, part, spread);
        }
        asked
    }

    proptest! {
        #[test]
        fn no_spread_costs_more_requests_than_its_share(
            held in 0..1_000_000_u64,
            size in 1..5000_u64,
            seed in any::<u64>(),
        ) {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut spread = |left: u64, pieces: u64| match random.u8(0..4) {
                0 => 0,
                1 => left,
                2 => left / (pieces + 1),
                _ => random.u64(0..=left),
            };
            let mut cutting = Cutting::into_pieces_of(size);
            cutting.opened(held);

            let asked = requests(&mut cutting, held, &mut spread);

            prop_assert!(100 * asked <= 115 * held.div_ceil(100) + 100 * 12, "{} requests", asked);
        }
    }

    #[test]
    fn a_large_window_is_cut_and_a_small_one_is_not() {
        let mut cutting = Cutting::into_pieces_of(1500);
        cutting.opened(100_000);

        assert_eq!(cutting.pieces(3000), None);
        assert_eq!(cutting.pieces(6000), Some(4));
        assert_eq!(cutting.pieces(100_000), Some(16));
    }
}
