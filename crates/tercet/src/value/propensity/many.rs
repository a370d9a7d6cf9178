//! Many outcomes of the same customers: products bought, features used.
//!
//! Outcomes differ in how often they happen. Each has coefficients of its own, but as draws around
//! common ones: `θ_k ~ N(θ̄, 1/τ_g)` and `θ̄ ~ N(0, 1/λ_g)` in every group `g` of coordinates. A rare outcome,
//! which says little itself, keeps close to what holds of the others; a frequent one goes its own way.
//! Both precisions are estimated as in [`strength`](super::strength): `τ_g` grows until the outcomes'
//! distances from the common coefficients are what chance makes of them.
//!
//! Evgeniou & Pontil (2004), Regularized multi-task learning, KDD 2004, 109-117, for the penalty; Efron &
//! Morris (1975), Data analysis using Stein's estimator and its generalizations, JASA 70, 311-319, for
//! what it wins.

use nalgebra::{DMatrix, DVector};

use super::coordinates::Coordinates;
use super::data::PropensityData;
use super::encoding::learn;
use super::errors::covariance;
use super::fit::{BinaryFit, Table, fitted_binary};
use super::fitted::FittedPropensity;
use super::newton::{Control, Problem};
use super::quadratic::Quadratic;
use super::reader::Reader;
use super::rows::Rows;
use super::sample::Target;
use super::{Penalty, Propensity, Solver, Strength};
use crate::data::Design;
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::parallel::{Gate, map_tasks};

/// Several binary outcomes of the same rows.
#[derive(Debug, Clone)]
pub struct ManyOutcomes<'a> {
    data: Vec<PropensityData<'a>>,
    /// The weights by which features are learned, the same for all outcomes.
    weights: Option<&'a [f64]>,
}

impl<'a> ManyOutcomes<'a> {
    /// Outcomes by name, a value a row each.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for fewer than two outcomes; those of [`PropensityData::binary`] for
    /// each.
    pub fn new(design: &Design<'a>, outcomes: &[(String, &'a [bool])]) -> Result<Self> {
        if outcomes.len() < 2 {
            let expected = "at least 2; of one there is nothing to share";
            return Err(Error::parameter("outcomes", outcomes.len(), expected));
        }
        let data = outcomes
            .iter()
            .map(|(name, outcome)| PropensityData::binary(design.clone(), name, outcome));
        Ok(Self {
            data: data.collect::<Result<_>>()?,
            weights: None,
        })
    }

    /// Adds weights, as [`PropensityData::with_weights`].
    pub fn with_weights(self, name: &str, weights: &'a [f64]) -> Result<Self> {
        let data = self.data.into_iter();
        Ok(Self {
            data: data
                .map(|one| one.with_weights(name, weights))
                .collect::<Result<_>>()?,
            weights: Some(weights),
        })
    }

    /// Adds weights of each outcome's own, in the outcomes' order: 0 where a row has no such outcome, as
    /// that of a product which a customer has already.
    ///
    /// They take the place of those of [`with_weights`](Self::with_weights), by which features are still
    /// learned.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for another number of them than outcomes; those of
    /// [`PropensityData::with_weights`] for each.
    pub fn with_own_weights(self, name: &str, weights: &[&'a [f64]]) -> Result<Self> {
        if weights.len() != self.data.len() {
            let expected = format!("{}, one set an outcome", self.data.len());
            return Err(Error::parameter("own_weights", weights.len(), expected));
        }
        let data = self.data.into_iter().zip(weights);
        Ok(Self {
            data: data
                .map(|(one, own)| one.with_weights(name, own))
                .collect::<Result<_>>()?,
            weights: self.weights,
        })
    }

    /// Adds groups, as [`PropensityData::with_groups`].
    pub fn with_groups(self, name: &str, groups: &'a [u32]) -> Result<Self> {
        let data = self.data.into_iter();
        Ok(Self {
            data: data
                .map(|one| one.with_groups(name, groups))
                .collect::<Result<_>>()?,
            weights: self.weights,
        })
    }

    /// Number of outcomes.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Never true.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

/// The most times that the outcomes' losses are looked at.
const MODELS: usize = 20;

/// The most rounds on the quadratic models of them that were found.
const ROUNDS: usize = 100;

/// No round changes the effective parameters of a group of an outcome by more than this at the end.
const SETTLED: f64 = 0.05;

/// The largest precision: outcomes that do not differ.
const STRONGEST: f64 = 1e9;
const WEAKEST: f64 = 1e-6;

impl Propensity {
    /// Fits one model an outcome, drawn to what they have in common; returns them in their order.
    ///
    /// ```
    /// use tercet::data::{Design, Feature};
    /// use tercet::value::propensity::{ManyOutcomes, Propensity};
    ///
    /// let visits: Vec<f64> = (0..400).map(|row| f64::from(row % 40)).collect();
    /// let often: Vec<bool> = (0..400).map(|row| row % 40 > (row * 7) % 41).collect();
    /// let seldom: Vec<bool> = (0..400).map(|row| row % 40 > 20 && row % 9 == 0).collect();
    /// let design = Design::new(vec![("visits".into(), Feature::Numbers(&visits))])?;
    /// let outcomes = [("tea".to_owned(), &often[..]), ("samovar".to_owned(), &seldom[..])];
    /// let data = ManyOutcomes::new(&design, &outcomes)?;
    /// let models = Propensity::new().fit_many(&data, &mut ())?;
    /// assert_eq!(models[1].outcome_name(), "samovar");
    /// # Ok::<(), tercet::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of a fit; [`Error::InvalidParameter`] for settings other than estimated strengths of
    /// squared penalties.
    pub fn fit_many(
        &self,
        outcomes: &ManyOutcomes<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<FittedPropensity>> {
        let estimated = matches!(self.strength, Strength::Auto | Strength::Estimated);
        if !estimated || self.penalty != Penalty::L2 || self.solver != Solver::Newton {
            let expected = "\"auto\" with the penalty \"l2\" and the solver \"newton\": how much outcomes share is estimated";
            return Err(Error::parameter(
                "strength",
                format!("{:?}", self.strength),
                expected,
            ));
        }
        for data in &outcomes.data {
            self.check(data)?;
        }
        let mut phase = Phase::new(observer, "fitting");
        fit(self, outcomes, &mut phase)
    }
}

/// Where an outcome stands.
struct Own {
    theta: DVector<f64>,
    effective: Vec<f64>,
}

/// By group: of outcomes around what they have in common, and of that around 0.
struct Precisions {
    between: Vec<f64>,
    common: Vec<f64>,
}

impl Precisions {
    /// The common coordinates, given the outcomes' own, and both precisions.
    fn update(&mut self, coordinates: &Coordinates, own: &[Own], centre: &mut DVector<f64>) {
        let (tau, lambda) = (
            coordinates.spread(&self.between),
            coordinates.spread(&self.common),
        );
        let k = own.len() as f64;
        // Distances between, sizes of what is common, and how far that is determined by the outcomes.
        let mut sums = vec![[0.0; 3]; self.between.len()];
        for (place, group) in coordinates.groups.iter().enumerate() {
            let Some(group) = *group else { continue };
            let sum: f64 = own.iter().map(|one| one.theta[place]).sum();
            let whole = k * tau[place] + lambda[place];
            centre[place] = tau[place] * sum / whole;
            let away = own.iter().map(|one| one.theta[place] - centre[place]);
            let [between, size, determined] = &mut sums[group];
            *between += away.map(|away| away * away).sum::<f64>();
            *size += centre[place] * centre[place];
            *determined += 1.0 - lambda[place] / whole;
        }
        for (group, [between, size, determined]) in sums.into_iter().enumerate() {
            let freedom: f64 = own.iter().map(|one| one.effective[group].max(0.0)).sum();
            let precision = |freedom: f64, squares: f64| {
                (freedom / squares.max(1e-300)).clamp(WEAKEST, STRONGEST)
            };
            self.between[group] = precision(freedom, between);
            self.common[group] = precision(determined, size);
        }
    }
}

fn fit(
    settings: &Propensity,
    outcomes: &ManyOutcomes<'_>,
    phase: &mut Phase<'_>,
) -> Result<Vec<FittedPropensity>> {
    let data = &outcomes.data;
    // The features are the same for all, and so is how they are learned.
    let shared = &data[0];
    let learning = learn(
        settings,
        shared.design(),
        outcomes.weights,
        &Gate::new(phase),
    )?;
    let reader = Reader::new(&learning.encoding, shared.design(), false)?;
    let coordinates = &learning.coordinates;
    let tables: Vec<Table<'_, '_>> = data
        .iter()
        .map(|data| Table {
            settings,
            data,
            learning: &learning,
            reader: &reader,
        })
        .collect();
    let rows = Rows::All(shared.len());
    let (n_groups, n) = (coordinates.n_groups, coordinates.len());
    let mut own: Vec<Own> = Vec::new();
    for table in &tables {
        let sample = table.sample(Target::of(table.data));
        let none = table.same(0.0);
        own.push(Own {
            theta: table.problem(&sample, rows, &none).start(),
            effective: vec![f64::INFINITY; n_groups],
        });
    }
    let mut precisions = Precisions {
        between: vec![1.0; n_groups],
        common: vec![1.0; n_groups],
    };
    let mut centre = DVector::zeros(n);
    for _ in 0..MODELS {
        let penalty = coordinates.spread(&precisions.between);
        let bowls = map_tasks(tables.len(), phase, |k, gate| {
            let sample = tables[k].sample(Target::of(tables[k].data));
            let problem = Problem {
                centre: Some(&centre),
                ..tables[k].problem(&sample, rows, &penalty)
            };
            Bowl::around(&problem, own[k].theta.clone(), gate)
        })?;
        let mut first = None;
        for _ in 0..ROUNDS {
            let penalty = coordinates.spread(&precisions.between);
            let moved = map_tasks(tables.len(), phase, |k, gate| {
                gate.check()?;
                Ok(bowls[k].lowest(coordinates, &penalty, &centre))
            })?;
            let mut most: f64 = 0.0;
            for (own, moved) in own.iter_mut().zip(moved) {
                let Some(moved) = moved else { continue };
                for (before, now) in own.effective.iter().zip(&moved.effective) {
                    most = most.max((before - now).abs());
                }
                *own = moved;
            }
            precisions.update(coordinates, &own, &mut centre);
            first = first.or(Some(most));
            if most < SETTLED {
                break;
            }
        }
        if first.is_none_or(|first| first < SETTLED) {
            break;
        }
    }
    let penalty = coordinates.spread(&precisions.between);
    let gate = Gate::new(phase);
    let models = tables.iter().zip(own);
    models
        .map(|(table, own)| finish(table, own.theta, &penalty, &centre, &gate))
        .collect()
}

/// The quadratic model of an outcome's loss: precisions settle in tens of rounds, on which it is nearly
/// the loss itself, so that the rows are looked at a few times only.
struct Bowl {
    information: DMatrix<f64>,
    /// `H θ₀ - g`: where it leads without a penalty.
    pull: DVector<f64>,
}

impl Bowl {
    fn around(problem: &Problem<'_>, theta: DVector<f64>, gate: &Gate<'_, '_>) -> Result<Self> {
        let control = Control {
            max_iterations: 8,
            tolerance: 1e-9,
            exact: true,
        };
        let found = problem.descend(theta, None, control, false, gate)?;
        // At the lowest point of loss and penalty the loss has the penalty's slope, turned round.
        let theta = &found.theta;
        let away = problem.penalised(&DVector::zeros(theta.len()), theta);
        Ok(Self {
            pull: &found.information * theta + away,
            information: found.information,
        })
    }

    /// The lowest point under a penalty around a centre; `None` where the curvature is not finite.
    fn lowest(
        &self,
        coordinates: &Coordinates,
        penalty: &[f64],
        centre: &DVector<f64>,
    ) -> Option<Own> {
        let model = Quadratic::new(&self.information, penalty, &[])?;
        let drawn = DVector::from_fn(centre.len(), |k, _| self.pull[k] + penalty[k] * centre[k]);
        let variances = model.variances();
        let mut effective = vec![0.0; coordinates.n_groups];
        for (place, group) in coordinates.groups.iter().enumerate() {
            if let Some(group) = *group {
                effective[group] += 1.0 - penalty[place] * variances[place];
            }
        }
        Some(Own {
            theta: model.solve(&drawn),
            effective,
        })
    }
}

/// The last steps of one outcome, with everything else settled.
fn finish(
    table: &Table<'_, '_>,
    theta: DVector<f64>,
    penalty: &[f64],
    centre: &DVector<f64>,
    gate: &Gate<'_, '_>,
) -> Result<FittedPropensity> {
    let sample = table.sample(Target::of(table.data));
    let problem = Problem {
        centre: Some(centre),
        ..table.problem(&sample, Rows::All(table.data.len()), penalty)
    };
    let optimum = problem.descend(theta, None, table.control(), false, gate)?;
    let kind = table.settings.standard_errors;
    let errors = covariance(kind, &problem, (&optimum, None), table.data.groups(), gate)?;
    let fit = BinaryFit {
        iterations: optimum.iterations,
        optimum,
        penalty: penalty.to_vec(),
        absolute: table.same(0.0),
        averaged: None,
        scores: Vec::new(),
    };
    Ok(fitted_binary(table, &fit, errors.as_ref()))
}
