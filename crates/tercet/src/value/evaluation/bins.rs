//! Groups of rows with like predictions.

use std::ops::Range;

use super::ranking::Ranked;
use crate::error::{Error, Result};

/// Divides the places into `n` groups of equal weight; equal scores stay together.
///
/// A run of equal scores goes where its middle lies, so groups of distinct scores differ by one row
/// at most, and groups that would hold nothing are left out. Best first.
pub(super) fn equal_count_bins(ranked: &Ranked, n: usize) -> Result<Vec<Range<usize>>> {
    if n == 0 {
        return Err(Error::parameter("bins", n, "at least 1"));
    }
    let total: f64 = ranked.weight.iter().sum();
    let mut bins: Vec<Range<usize>> = Vec::with_capacity(n);
    let (mut above, mut last) = (0.0, usize::MAX);
    for tie in ranked.ties() {
        let own: f64 = ranked.weight[tie.clone()].iter().sum();
        let middle = (above + 0.5 * own) / total;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and n"
        )]
        let bin = ((n as f64 * middle) as usize).min(n - 1);
        match bins.last_mut() {
            Some(current) if bin == last => current.end = tie.end,
            _ => bins.push(tie),
        }
        (above, last) = (above + own, bin);
    }
    Ok(bins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Phase;
    use crate::value::evaluation::Outcomes;

    fn bins_of(p: &[f64], n: usize) -> Vec<Range<usize>> {
        let happened: Vec<bool> = (0..p.len()).map(|i| i % 2 == 0).collect();
        let outcomes = Outcomes::new(&happened, p).unwrap();
        let ranked = Ranked::by_probability(&outcomes, &mut Phase::new(&mut (), "testing"));
        equal_count_bins(&ranked.unwrap(), n).unwrap()
    }

    #[test]
    fn distinct_scores_make_groups_of_one_size() {
        let p: Vec<f64> = (0..20).map(|i| f64::from(i) / 20.0).collect();
        assert_eq!(bins_of(&p, 4), [0..5, 5..10, 10..15, 15..20]);
        assert_eq!(bins_of(&p[..7], 3), [0..2, 2..5, 5..7]);
    }

    #[test]
    fn equal_scores_stay_together() {
        let all = bins_of(&[0.1; 9], 5);
        assert!(all.len() == 1 && all[0] == (0..9));
        assert_eq!(
            bins_of(&[0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], 4),
            [0..1, 1..8]
        );
    }
}
