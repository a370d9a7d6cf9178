//! P-values of many questions at once.

/// Holm's adjustment; those that are missing are not counted.
///
/// Below 5% in one or more of all that are true nulls in at most 5% of studies, however the p-values hang
/// together (Holm 1979, Scandinavian Journal of Statistics 6, 65-70).
pub(crate) fn holm(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let order = ascending(p_values);
    let mut adjusted = vec![None; p_values.len()];
    let mut least = 0.0_f64;
    for (rank, (place, p)) in order.iter().enumerate() {
        // Never below that of a smaller p-value.
        least = least.max(((order.len() - rank) as f64 * p).min(1.0));
        adjusted[*place] = Some(least);
    }
    adjusted
}

/// Benjamini and Hochberg's adjustment; those that are missing are not counted.
///
/// Of all that lie below 5%, at most 5% are true nulls on average, where p-values are independent or
/// positively dependent (Benjamini & Hochberg 1995, Journal of the Royal Statistical Society B 57,
/// 289-300; Benjamini & Yekutieli 2001, Annals of Statistics 29, 1165-1188).
pub(crate) fn benjamini_hochberg(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let order = ascending(p_values);
    let mut adjusted = vec![None; p_values.len()];
    let mut most = 1.0_f64;
    for (rank, (place, p)) in order.iter().enumerate().rev() {
        // Never above that of a larger p-value.
        most = most.min(order.len() as f64 / (rank + 1) as f64 * p);
        adjusted[*place] = Some(most);
    }
    adjusted
}

/// The p-values that there are, each with its place.
fn ascending(p_values: &[Option<f64>]) -> Vec<(usize, f64)> {
    let mut order: Vec<(usize, f64)> = p_values
        .iter()
        .enumerate()
        .filter_map(|(place, p)| p.map(|p| (place, p)))
        .collect();
    order.sort_by(|one, other| one.1.total_cmp(&other.1));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_multiplies_by_how_many_are_left() {
        // By hand: 4 x 0.005, 3 x 0.01, 2 x 0.03, and 0.04 no less than the one before.
        let found = holm(&[Some(0.01), Some(0.04), None, Some(0.03), Some(0.005)]);
        let expected = [Some(0.03), Some(0.06), None, Some(0.06), Some(0.02)];
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.is_some(), expected.is_some());
            assert!((found.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn a_missing_one_is_not_counted() {
        let p = [Some(0.04), None, Some(0.01), Some(0.03)];
        let close = |found: Vec<Option<f64>>, expected: [f64; 3]| {
            let found: Vec<f64> = found.into_iter().flatten().collect();
            assert!(
                found
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| (a - b).abs() < 1e-15)
            );
        };
        close(holm(&p), [0.06, 0.03, 0.06]);
        close(benjamini_hochberg(&p), [0.04, 0.03, 0.04]);
    }
}
