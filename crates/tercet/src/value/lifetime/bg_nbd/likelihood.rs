//! The BG/NBD log-likelihood with exact first and second derivatives.

use nalgebra::{SMatrix, SVector};

use super::parameters::Parameters;
use crate::data::{Cell, Counts};
use crate::error::Result;
use crate::math::newton::Evaluation;
use crate::math::rising::{LnRising, ln_rising};
use crate::math::sum::Sums;
use crate::observe::Phase;
use crate::parallel::map_blocks;

/// Value, four first and ten second derivatives.
const SUMS: usize = 15;

/// The log-likelihood of a set of cells as a function of the parameters.
///
/// It is split in two. What depends on the number of purchases only (gamma and beta functions) is
/// computed once for every count that occurs; per cell two logarithms and one exponential remain.
#[derive(Debug)]
pub(super) struct Likelihood<'a> {
    cells: &'a [Cell],
    counts: Counts,
}

/// What all cells of one purchase count share.
#[derive(Debug, Clone, Copy)]
struct Shared {
    /// `r + x`
    shape: f64,
    /// `1 / (b + x - 1)`, for x > 0.
    inverse: f64,
    /// `ln a - ln(b + x - 1)`, for x > 0.
    log_odds: f64,
}

impl<'a> Likelihood<'a> {
    pub(super) fn new(cells: &'a [Cell], phase: &mut Phase<'_>) -> Result<Self> {
        let rows = cells.iter().map(|cell| (cell.frequency, cell.weight));
        Ok(Self {
            cells,
            counts: Counts::new(rows, phase)?,
        })
    }

    /// Value and derivatives at the working parameters.
    pub(super) fn evaluate(
        &self,
        point: &[f64; 4],
        phase: &mut Phase<'_>,
    ) -> Result<Evaluation<4>> {
        let parameters = Parameters::from_working(point);
        let mut sums = Sums::<SUMS>::zero();
        self.add_counts(&parameters, &mut sums);
        let shared = self.shared(&parameters);
        let blocks = map_blocks(self.cells.len(), phase, |rows| {
            let mut block = [0.0; SUMS];
            for row in rows {
                let count = self.counts.place_of_row[row] as usize;
                add_cell(&parameters, &self.cells[row], &shared[count], &mut block);
            }
            block
        })?;
        for block in &blocks {
            sums.add(block);
        }
        Ok(to_working(&parameters, &sums.total()))
    }

    fn shared(&self, p: &Parameters) -> Vec<Shared> {
        let log_a = p.a.ln();
        self.counts
            .values
            .iter()
            .map(|&x| Shared {
                shape: p.r + x,
                inverse: 1.0 / (p.b + x - 1.0),
                log_odds: log_a - (p.b + x - 1.0).ln(),
            })
            .collect()
    }

    /// `ln (r)_x + ln (b)_x - ln (a+b)_x - x ln alpha`, for every count times its customers.
    fn add_counts(&self, p: &Parameters, sums: &mut Sums<SUMS>) {
        let rate = ln_rising(p.r, &self.counts.values);
        let stay = ln_rising(p.b, &self.counts.values);
        let all = ln_rising(p.a + p.b, &self.counts.values);
        let log_alpha = p.alpha.ln();
        for (i, (&x, &n)) in self
            .counts
            .values
            .iter()
            .zip(&self.counts.weights)
            .enumerate()
        {
            let (rate, stay, all): (LnRising, LnRising, LnRising) = (rate[i], stay[i], all[i]);
            let mut terms = [0.0; SUMS];
            terms[VALUE] = n * (rate.value + stay.value - all.value - x * log_alpha);
            terms[R] = n * rate.first;
            terms[ALPHA] = -n * x / p.alpha;
            terms[A] = -n * all.first;
            terms[B] = n * (stay.first - all.first);
            terms[R_R] = n * rate.second;
            terms[ALPHA_ALPHA] = n * x / (p.alpha * p.alpha);
            terms[A_A] = -n * all.second;
            terms[A_B] = -n * all.second;
            terms[B_B] = n * (stay.second - all.second);
            sums.add(&terms);
        }
    }
}

// Positions in the array of sums.
const VALUE: usize = 0;
const R: usize = 1;
const ALPHA: usize = 2;
const A: usize = 3;
const B: usize = 4;
const R_R: usize = 5;
const R_ALPHA: usize = 6;
const R_A: usize = 7;
const R_B: usize = 8;
const ALPHA_ALPHA: usize = 9;
const ALPHA_A: usize = 10;
const ALPHA_B: usize = 11;
const A_A: usize = 12;
const A_B: usize = 13;
const B_B: usize = 14;

/// Adds `-(r+x) ln(1 + T/alpha) + softplus(d)`, where
/// `d = ln a - ln(b+x-1) + (r+x) ln((alpha+T)/(alpha+t_x))` is the log-odds of having dropped out.
///
/// Differences of logarithms are formed as `ln1p` of a ratio, so that nothing cancels where T is
/// close to `t_x` or small against alpha.
#[inline]
fn add_cell(p: &Parameters, cell: &Cell, shared: &Shared, sums: &mut [f64; SUMS]) {
    let Cell {
        frequency: x,
        recency: t_x,
        age: t,
        weight: w,
    } = *cell;
    let Shared {
        shape,
        inverse,
        log_odds,
    } = *shared;
    let ratio = t / p.alpha;
    let per_age = 1.0 / (p.alpha + t);
    let log_age = ln_1p(ratio, p.alpha * per_age);
    // Derivatives of -(r+x) ln(1 + T/alpha), in forms that stay accurate for r, alpha -> infinity.
    sums[VALUE] -= w * shape * log_age;
    sums[R] -= w * log_age;
    sums[ALPHA] += w * shape * ratio * per_age;
    sums[R_ALPHA] += w * ratio * per_age;
    sums[ALPHA_ALPHA] -= w * shape * ratio * per_age * (1.0 / p.alpha + per_age);
    if x == 0.0 {
        return;
    }
    let per_recency = 1.0 / (p.alpha + t_x);
    let log_silence = ln_1p((t - t_x) * per_recency, (p.alpha + t_x) * per_age);
    let d = shape * log_silence + log_odds;
    let e = (-d.abs()).exp();
    let likelier = 1.0 / (1.0 + e);
    let dropped = if d >= 0.0 { likelier } else { e * likelier };
    sums[VALUE] += w * (d.max(0.0) + ln_1p(e, likelier));
    // First derivatives of d in (r, alpha, a, b); second ones follow below where they are not 0.
    let d_r = log_silence;
    let silence = -(t - t_x) * per_age * per_recency;
    let d_alpha = shape * silence;
    let d_a = 1.0 / p.a;
    let d_b = -inverse;
    let first = w * dropped;
    let second = first * (1.0 - dropped);
    sums[R] += first * d_r;
    sums[ALPHA] += first * d_alpha;
    sums[A] += first * d_a;
    sums[B] += first * d_b;
    sums[R_R] += second * d_r * d_r;
    sums[R_ALPHA] += first * silence + second * d_r * d_alpha;
    sums[R_A] += second * d_r * d_a;
    sums[R_B] += second * d_r * d_b;
    sums[ALPHA_ALPHA] -= first * d_alpha * (per_age + per_recency);
    sums[ALPHA_ALPHA] += second * d_alpha * d_alpha;
    sums[ALPHA_A] += second * d_alpha * d_a;
    sums[ALPHA_B] += second * d_alpha * d_b;
    sums[A_A] += (second - first) * d_a * d_a;
    sums[A_B] += second * d_a * d_b;
    sums[B_B] += (second + first) * d_b * d_b;
}

/// `ln(1 + y)` for y >= 0, given `inverse = 1 / (1 + y)`, which the callers have anyway.
///
/// The sum `u = 1 + y` loses at most half an ulp, which the second term gives back to first order:
/// `ln(1 + y) = ln u + (y - (u - 1)) / u + O(eps^2)`. It costs a third of the library's `ln_1p`.
#[inline]
fn ln_1p(y: f64, inverse: f64) -> f64 {
    let u = 1.0 + y;
    u.ln() + (y - (u - 1.0)) * inverse
}

/// Chain rule from (r, alpha, a, b) to the working parameters.
fn to_working(p: &Parameters, sums: &[f64; SUMS]) -> Evaluation<4> {
    let gradient = SVector::<f64, 4>::new(sums[R], sums[ALPHA], sums[A], sums[B]);
    let upper = [
        [sums[R_R], sums[R_ALPHA], sums[R_A], sums[R_B]],
        [
            sums[R_ALPHA],
            sums[ALPHA_ALPHA],
            sums[ALPHA_A],
            sums[ALPHA_B],
        ],
        [sums[R_A], sums[ALPHA_A], sums[A_A], sums[A_B]],
        [sums[R_B], sums[ALPHA_B], sums[A_B], sums[B_B]],
    ];
    let hessian = SMatrix::<f64, 4, 4>::from_fn(|i, j| upper[i][j]);
    let jacobian = p.jacobian();
    let mut working = jacobian.transpose() * hessian * jacobian;
    for (k, curvature) in p.curvatures().iter().enumerate() {
        working += gradient[k] * curvature;
    }
    Evaluation {
        value: sums[VALUE],
        gradient: jacobian.transpose() * gradient,
        hessian: working,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: [Cell; 5] = [
        Cell {
            frequency: 0.0,
            recency: 0.0,
            age: 38.86,
            weight: 3.0,
        },
        Cell {
            frequency: 2.0,
            recency: 30.43,
            age: 38.86,
            weight: 1.0,
        },
        Cell {
            frequency: 7.0,
            recency: 35.0,
            age: 38.86,
            weight: 0.5,
        },
        Cell {
            frequency: 1.0,
            recency: 1.71,
            age: 38.86,
            weight: 2.0,
        },
        Cell {
            frequency: 200.0,
            recency: 28.0,
            age: 28.0,
            weight: 0.1,
        },
    ];

    fn evaluate(point: &[f64; 4]) -> Evaluation<4> {
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        Likelihood::new(&CELLS, &mut phase)
            .unwrap()
            .evaluate(point, &mut phase)
            .unwrap()
    }

    /// Central differences of the value and of the gradient.
    fn check_derivatives(point: [f64; 4]) {
        let here = evaluate(&point);
        let h = 1e-5;
        for k in 0..4 {
            let moved = |by: f64| {
                let mut point = point;
                point[k] += by;
                evaluate(&point)
            };
            let (up, down) = (moved(h), moved(-h));
            let slope = (up.value - down.value) / (2.0 * h);
            let scale = 1.0 + here.gradient.amax();
            assert!(
                (here.gradient[k] - slope).abs() < 1e-6 * scale,
                "{point:?} gradient {k}"
            );
            let curvature = (up.gradient - down.gradient) / (2.0 * h);
            let scale = 1.0 + here.hessian.amax();
            for j in 0..4 {
                let difference = (here.hessian[(j, k)] - curvature[j]).abs();
                assert!(
                    difference < 1e-6 * scale,
                    "{point:?} Hessian {j} {k}: {difference}"
                );
            }
        }
    }

    #[test]
    fn the_short_logarithm_is_as_good_as_the_library_s() {
        for power in -20..20 {
            let y = 1.234_567_f64 * 10.0_f64.powi(power);
            let (found, expected) = (ln_1p(y, 1.0 / (1.0 + y)), y.ln_1p());
            assert!((found / expected - 1.0).abs() < 4.0 * f64::EPSILON, "{y}");
        }
        assert_eq!(ln_1p(0.0, 1.0), 0.0);
    }

    #[test]
    fn derivatives_match_differences() {
        check_derivatives([-2.9, -1.4, -1.1, 1.2]);
        check_derivatives([0.5, 2.0, 1.0, 4.0]);
        check_derivatives([-5.0, 6.0, -4.0, -2.0]);
    }
}
