//! K-means segments.

mod fitted;

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::generator::generator;
use super::{by_size, check_settings, matrix};
use crate::data::Survey;
use crate::error::{Error, Result};
use crate::model::{Estimator, FitReport};
use crate::observe::{Observer, Phase};
use crate::parallel::{Gate, map_blocks_behind, map_tasks};
use crate::random::Seed;

pub use fitted::FittedKMeansSegments;

/// Iterations that linfa does between two questions to the observer.
const SLICE: usize = 20;

/// linfa stops when its centers move less than this.
const NEAR: f64 = 1e-3;

/// A start whose sum of squares exceeds the least by less than this share has found the same.
const SAME: f64 = 1e-6;

/// K-means segments, settings side.
///
/// # Assumptions
/// Segments are round and of like extent: what is minimised is the sum of squared distances of the
/// respondents from their segment's center,
///
/// ```text
/// W = Σ_i min_k Σ_j ((x_ij - c_kj) / s_j)²
/// ```
///
/// with `s` the questions' standard deviations. It says nothing of how surely a respondent belongs to a
/// segment, and nothing of how many segments there are.
///
/// # How
/// linfa-clustering from starts by k-means++ (Arthur & Vassilvitskii 2007). Its iterations count the
/// former center as a member of the segment, so that they stop short of the means; plain iterations
/// (Lloyd 1982, IEEE Transactions on Information Theory 28, 129-137) follow until no respondent changes
/// segment.
///
/// # When not
/// Where answers are missing or weighted, where questions have levels without an order, or where
/// segments overlap: [`LatentClass`](crate::needs::LatentClass).
///
/// # Example
/// ```
/// use tercet::data::{Answers, Question, Survey};
/// use tercet::{Estimator, needs::KMeansSegments};
///
/// let price = [5.0, 4.0, 5.0, 1.0, 2.0, 1.0, 1.0];
/// let service = [1.0, 2.0, 1.0, 5.0, 4.0, 5.0, 4.0];
/// let survey = Survey::new(vec![
///     (Question::continuous("price"), Answers::Numbers(&price)),
///     (Question::continuous("service"), Answers::Numbers(&service)),
/// ])?;
/// let model = KMeansSegments::new(2).fit(&survey)?;
/// assert_eq!(model.segments(&survey, &mut ())?, [1, 1, 1, 0, 0, 0, 0]);
/// assert_eq!(model.centers()[0], [1.25, 4.5]);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct KMeansSegments {
    n_segments: usize,
    starts: usize,
    seed: Seed,
    standardize: bool,
    max_iterations: usize,
}

impl KMeansSegments {
    /// So many segments; 20 starts, seed 0, standardised questions.
    pub fn new(n_segments: usize) -> Self {
        Self {
            n_segments,
            starts: 20,
            seed: Seed(0),
            standardize: true,
            max_iterations: 1_000,
        }
    }

    /// From how many starts the least sum of squares is looked for.
    pub fn starts(mut self, starts: usize) -> Self {
        self.starts = starts;
        self
    }

    /// The seed of the starts.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// Whether every question is brought to mean 0 and deviation 1; otherwise one whose numbers are ten
    /// times as large counts a hundred times as much.
    pub fn standardize(mut self, standardize: bool) -> Self {
        self.standardize = standardize;
        self
    }

    /// The most iterations of a start.
    pub fn max_iterations(mut self, most: usize) -> Self {
        self.max_iterations = most;
        self
    }
}

impl Estimator for KMeansSegments {
    type Data<'a> = Survey<'a>;
    type Fitted = FittedKMeansSegments;

    /// # Errors
    /// [`Error::InvalidParameter`] for weights, covariates, or more segments than different respondents;
    /// [`Error::InvalidData`] for missing answers, questions with levels without an order or without
    /// different answers; [`Error::Interrupted`].
    fn fit_observed(
        &self,
        data: &Survey<'_>,
        observer: &mut dyn Observer,
    ) -> Result<FittedKMeansSegments> {
        check_settings(
            self.n_segments,
            self.starts,
            self.max_iterations,
            data.len(),
        )?;
        let (columns, points) = Columns::of_fit(data, self.standardize, METHOD)?;
        let width = columns.questions.len();
        let dataset = DatasetBase::from(matrix(&points, width)?);
        let mut phase = Phase::new(observer, "fitting");
        let runs = map_tasks(self.starts, &mut phase, |start, gate| {
            let first = self.linfa(&dataset, start, gate)?;
            self.finish(first, &points, width, gate)
        })?;
        let best = runs
            .iter()
            .reduce(|best, one| if one.is_better(best) { one } else { best });
        match best {
            Some(best) if best.sizes.iter().all(|size| *size > 0.0) => {
                Ok(self.assemble(columns, &points, &runs, best))
            }
            _ => Err(Error::parameter(
                "n_segments",
                self.n_segments,
                "fewer: some segments have no members, as there are not so many different respondents",
            )),
        }
    }
}

const METHOD: &str = "k-means";

/// Where a start has led.
#[derive(Debug)]
struct Run {
    /// A row a segment.
    centers: Vec<f64>,
    sizes: Vec<f64>,
    /// The sum of squares within each segment.
    within: Vec<f64>,
    iterations: usize,
    converged: bool,
}

impl Run {
    fn total(&self) -> f64 {
        self.within.iter().sum()
    }

    /// Whether it has fewer empty segments, or as many and a smaller sum of squares.
    fn is_better(&self, other: &Self) -> bool {
        let empty = |run: &Self| run.sizes.iter().filter(|size| **size == 0.0).count();
        (empty(self), self.total()) < (empty(other), other.total())
    }
}

impl KMeansSegments {
    /// linfa's iterations from one start, in slices, so that they can be stopped.
    fn linfa(
        &self,
        dataset: &DatasetBase<Array2<f64>, ndarray::Array1<()>>,
        start: usize,
        gate: &Gate<'_, '_>,
    ) -> Result<(Array2<f64>, usize)> {
        let mut from = KMeansInit::KMeansPlusPlus;
        let slice = SLICE.min(self.max_iterations);
        let (mut before, mut iterations): (Option<Array2<f64>>, usize) = (None, 0);
        loop {
            let model =
                KMeans::params_with_rng(self.n_segments, generator(self.seed, start as u64))
                    .n_runs(1)
                    .tolerance(NEAR)
                    .max_n_iterations(slice as u64)
                    .init_method(from)
                    .fit(dataset)
                    .map_err(|error| failed(&error))?;
            // The last slice may have had fewer.
            iterations += slice;
            gate.poll();
            gate.check()?;
            let centers = model.centroids().clone();
            let moved = before.map_or(f64::INFINITY, |before| {
                (&centers - &before).mapv(f64::abs).sum()
            });
            if moved < NEAR || iterations >= self.max_iterations {
                return Ok((centers, iterations));
            }
            from = KMeansInit::Precomputed(centers.clone());
            before = Some(centers);
        }
    }

    /// Plain iterations until no respondent changes segment.
    fn finish(
        &self,
        (centers, before): (Array2<f64>, usize),
        points: &[f64],
        width: usize,
        gate: &Gate<'_, '_>,
    ) -> Result<Run> {
        let k = self.n_segments;
        let mut run = Run {
            centers: centers.iter().copied().collect(),
            sizes: vec![0.0; k],
            within: vec![0.0; k],
            iterations: before,
            converged: false,
        };
        let mut assigned: Vec<usize> = Vec::new();
        // At least two, to see that the second changes nothing.
        let most = self.max_iterations.max(before + 2);
        while run.iterations < most {
            let (next, sums) = assign(points, width, &run.centers, gate)?;
            run.iterations += 1;
            run.sizes = sums.sizes;
            run.within = sums.squares;
            run.converged = next == assigned;
            if run.converged {
                break;
            }
            assigned = next;
            for (at, center) in run.centers.chunks_exact_mut(width).enumerate() {
                // A segment without members stays where it is.
                if run.sizes[at] > 0.0 {
                    for (c, sum) in center.iter_mut().zip(&sums.sums[at * width..]) {
                        *c = sum / run.sizes[at];
                    }
                }
            }
        }
        Ok(run)
    }

    fn assemble(
        &self,
        columns: Columns,
        points: &[f64],
        runs: &[Run],
        best: &Run,
    ) -> FittedKMeansSegments {
        let (k, width) = (self.n_segments, columns.questions.len());
        let n = (points.len() / width) as f64;
        let order = by_size(&best.sizes);
        let least = best.total();
        let found = runs
            .iter()
            .filter(|run| run.total() <= least * (1.0 + SAME));
        let mut means = vec![0.0; width];
        for row in points.chunks_exact(width) {
            for (mean, x) in means.iter_mut().zip(row) {
                *mean += x / n;
            }
        }
        let squares = points
            .chunks_exact(width)
            .flat_map(|row| row.iter().zip(&means).map(|(x, mean)| (x - mean).powi(2)));
        let place = |segment: &usize| &best.centers[segment * width..(segment + 1) * width];
        FittedKMeansSegments {
            settings: self.clone(),
            centers: order
                .iter()
                .map(|segment| columns.natural(place(segment)))
                .collect(),
            shares: order
                .iter()
                .map(|segment| best.sizes[*segment] / n)
                .collect(),
            within: order.iter().map(|segment| best.within[*segment]).collect(),
            total: squares.sum(),
            starts_at_best: found.count(),
            columns,
            report: FitReport {
                iterations: runs.iter().map(|run| run.iterations).sum(),
                log_likelihood: None,
                converged: best.converged,
                how_it_ended: if best.converged {
                    "converged: no respondent is nearer to another segment's center".to_owned()
                } else {
                    "stopped while respondents still changed segment; raise max_iterations"
                        .to_owned()
                },
                n_observations: n,
                n_rows: points.len() / width,
                n_cells: points.len() / width,
                n_parameters: k * width,
                boundary: None,
            },
        }
    }
}

fn failed(error: &linfa_clustering::KMeansError) -> Error {
    Error::Numeric {
        during: format!("k-means by linfa-clustering ({error})"),
    }
}

/// What the members of each segment add up to.
#[derive(Debug)]
struct Members {
    sizes: Vec<f64>,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

/// The nearest center of every point, of equally near ones the first, and the sums of their members.
fn assign(
    points: &[f64],
    width: usize,
    centers: &[f64],
    gate: &Gate<'_, '_>,
) -> Result<(Vec<usize>, Members)> {
    let k = centers.len() / width;
    let nothing = || Members {
        sizes: vec![0.0; k],
        sums: vec![0.0; k * width],
        squares: vec![0.0; k],
    };
    let blocks = map_blocks_behind(gate, points.len() / width, |rows| {
        let mut members = nothing();
        let mut assigned = Vec::with_capacity(rows.len());
        for row in rows {
            let point = &points[row * width..(row + 1) * width];
            let (segment, square) = nearest(point, centers);
            assigned.push(segment);
            members.sizes[segment] += 1.0;
            members.squares[segment] += square;
            for (sum, x) in members.sums[segment * width..].iter_mut().zip(point) {
                *sum += x;
            }
        }
        (assigned, members)
    })?;
    let (mut assigned, mut all) = (Vec::with_capacity(points.len() / width), nothing());
    for (part, members) in blocks {
        assigned.extend(part);
        let columns = [
            (&mut all.sizes, members.sizes),
            (&mut all.sums, members.sums),
            (&mut all.squares, members.squares),
        ];
        for (sums, terms) in columns {
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += term;
            }
        }
    }
    Ok((assigned, all))
}

fn nearest(point: &[f64], centers: &[f64]) -> (usize, f64) {
    let square =
        |center: &[f64]| -> f64 { point.iter().zip(center).map(|(x, c)| (x - c).powi(2)).sum() };
    let mut best = (0, f64::INFINITY);
    for (segment, center) in centers.chunks_exact(point.len()).enumerate() {
        let here = square(center);
        if here < best.1 {
            best = (segment, here);
        }
    }
    best
}
