//! The cheapest pairing of two lists of the same length.
//!
//! Segments of two fits, two waves or two bootstrap samples come in any order; the pairing that
//! agrees best is an assignment problem. Trying all permutations stops being possible at ten
//! segments; shortest augmenting paths need of the order of `n^3` steps (Kuhn 1955, Naval Research
//! Logistics Quarterly 2, 83-97; Jonker & Volgenant 1987, Computing 38, 325-340).

/// The column of each row, such that the sum of `cost[row * n + column]` is least.
///
/// `cost` holds `n x n` finite numbers, row by row; they may be negative, so that an agreement is
/// maximised by its negative. Among pairings of equal cost the answer depends on the costs only.
pub(crate) fn assign(cost: &[f64], n: usize) -> Vec<usize> {
    debug_assert_eq!(cost.len(), n * n);
    debug_assert!(cost.iter().all(|value| value.is_finite()));
    let mut pairing = Pairing::new(n);
    for row in 0..n {
        pairing.enter(row, cost);
    }
    let mut column_of_row = vec![0; n];
    for (column, row) in pairing.row_of_column.iter().enumerate() {
        if let Some(row) = row {
            column_of_row[*row] = column;
        }
    }
    column_of_row
}

/// The rows entered so far, paired at least cost, and the prices that prove it: no
/// `cost - row price - column price` is negative, and that of every pair is 0.
struct Pairing {
    n: usize,
    row_price: Vec<f64>,
    column_price: Vec<f64>,
    row_of_column: Vec<Option<usize>>,
}

/// What a search from one row knows of a column.
#[derive(Clone, Copy)]
struct Reach {
    /// The length of the shortest path found so far.
    distance: f64,
    /// The column before it on that path; `None` where it comes straight from the row entered.
    before: Option<usize>,
    /// Whether no shorter path can be found any more.
    settled: bool,
}

impl Pairing {
    fn new(n: usize) -> Self {
        Self {
            n,
            row_price: vec![0.0; n],
            column_price: vec![0.0; n],
            row_of_column: vec![None; n],
        }
    }

    /// Pairs one more row: Dijkstra's search for the cheapest way to move pairs along until a column
    /// is free.
    fn enter(&mut self, entered: usize, cost: &[f64]) {
        let mut reach = vec![
            Reach {
                distance: f64::INFINITY,
                before: None,
                settled: false,
            };
            self.n
        ];
        // The highest price at which no column is a bargain for the new row.
        self.row_price[entered] = (0..self.n)
            .map(|column| cost[entered * self.n + column] - self.column_price[column])
            .fold(f64::INFINITY, f64::min);
        let (mut row, mut from, mut length) = (entered, None, 0.0);
        let end = loop {
            for column in 0..self.n {
                let price = self.row_price[row] + self.column_price[column];
                // Not negative but for rounding, which must not make a path run backwards.
                let step = (cost[row * self.n + column] - price).max(0.0);
                if !reach[column].settled && length + step < reach[column].distance {
                    reach[column].distance = length + step;
                    reach[column].before = from;
                }
            }
            let open = (0..self.n).filter(|&column| !reach[column].settled);
            let nearest = open.min_by(|&a, &b| reach[a].distance.total_cmp(&reach[b].distance));
            // There are as many columns as rows, so that one is free and unsettled.
            let Some(column) = nearest else { return };
            length = reach[column].distance;
            match self.row_of_column[column] {
                None => break column,
                Some(next) => {
                    reach[column].settled = true;
                    (row, from) = (next, Some(column));
                }
            }
        };
        self.reprice(entered, length, &reach);
        self.shift(entered, end, &reach);
    }

    /// Keeps every reduced cost at 0 or above, and those along the path at 0.
    fn reprice(&mut self, entered: usize, length: f64, reach: &[Reach]) {
        self.row_price[entered] += length;
        for (column, reach) in reach.iter().enumerate().filter(|(_, reach)| reach.settled) {
            if let Some(row) = self.row_of_column[column] {
                self.row_price[row] += length - reach.distance;
            }
            self.column_price[column] -= length - reach.distance;
        }
    }

    /// Moves every pair on the path one column on.
    fn shift(&mut self, entered: usize, end: usize, reach: &[Reach]) {
        let mut column = end;
        while let Some(before) = reach[column].before {
            self.row_of_column[column] = self.row_of_column[before];
            column = before;
        }
        self.row_of_column[column] = Some(entered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total(cost: &[f64], pairing: &[usize]) -> f64 {
        let rows = pairing.iter().enumerate();
        rows.map(|(row, column)| cost[row * pairing.len() + column])
            .sum()
    }

    /// The least cost of all permutations, by trying them.
    fn cheapest(cost: &[f64], n: usize, row: usize, taken: u32) -> f64 {
        if row == n {
            return 0.0;
        }
        (0..n)
            .filter(|column| taken & (1 << column) == 0)
            .map(|column| {
                cost[row * n + column] + cheapest(cost, n, row + 1, taken | (1 << column))
            })
            .fold(f64::INFINITY, f64::min)
    }

    fn square() -> impl Strategy<Value = (Vec<f64>, usize)> {
        // Few distinct values, so that ties are common, or any.
        let value = prop_oneof![(-3_i8..4).prop_map(f64::from), -1e3..1e3_f64];
        (0_usize..7).prop_flat_map(move |n| (prop::collection::vec(value.clone(), n * n), Just(n)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn no_permutation_is_cheaper((cost, n) in square()) {
            let pairing = assign(&cost, n);
            let mut columns = pairing.clone();
            columns.sort_unstable();
            prop_assert!(columns.into_iter().eq(0..n));
            let least = cheapest(&cost, n, 0, 0);
            prop_assert!((total(&cost, &pairing) - least).abs() < 1e-9 * (1.0 + least.abs()));
        }
    }

    #[test]
    fn a_hidden_permutation_is_found_at_any_size() {
        let n = 60;
        let hidden: Vec<usize> = (0..n).map(|row| (row * 37 + 11) % n).collect();
        let cost: Vec<f64> = (0..n * n)
            .map(|place| f64::from(u8::from(hidden[place / n] != place % n)))
            .collect();
        assert_eq!(assign(&cost, n), hidden);
    }
}
