//! What each feature does, for tables and plots.

use statrs::function::erf::erfc;

use super::encoding::{Kind, Label, n_splines, splines};
use super::fitted::FittedPropensity;
use crate::error::{Error, Result};
use crate::math::interval::normal_quantile;

/// A row of the table of effects: a number's slope per unit, a level, a bin, or a point of a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The feature; none for the intercept.
    pub feature: Option<String>,
    /// What of it: "per unit", a level, a bin, a number on a curve.
    pub at: String,
    /// Change of the log-odds: for a slope by a unit of the caller's, for a level, a bin or a point of a
    /// curve against the mean of the customers of the fit; without a penalty for a level against the most
    /// frequent one, for a bin against the first.
    pub estimate: f64,
    /// Its standard error, where the model has them.
    pub standard_error: Option<f64>,
    /// Lower end of the interval.
    pub lower: Option<f64>,
    /// Upper end of the interval.
    pub upper: Option<f64>,
    /// Estimate by standard error.
    pub z: Option<f64>,
    /// The probability of a `z` at least as large where there is no effect; under a penalty a guide at
    /// best.
    pub p_value: Option<f64>,
}

/// A feature as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The feature.
    pub feature: String,
    /// The standard deviation of what it adds to the log-odds of the customers of the fit.
    pub spread: f64,
    /// Its effective number of parameters: those that the penalty leaves.
    pub effective_parameters: f64,
    /// Penalty on squares, the mean over its coordinates.
    pub strength: f64,
}

/// What a feature adds to the log-odds, from its lowest to its highest value or level by level.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The feature.
    pub feature: String,
    /// Its points.
    pub points: Vec<CurvePoint>,
}

/// A point of a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvePoint {
    /// The number; NaN for a level, a bin and "missing".
    pub value: f64,
    /// The number, level or bin in words.
    pub label: String,
    /// What it adds to the log-odds, against the mean of the customers of the fit.
    pub effect: f64,
    /// Lower end of the interval, where the model has standard errors.
    pub lower: Option<f64>,
    /// Upper end of the interval.
    pub upper: Option<f64>,
}

/// Shares of the customers at which a curve is shown in the table of effects.
const SHOWN: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Points over which the spread of a curve is taken: ranks are evenly filled.
const FINE: usize = 256;

/// A combination of coefficients.
type Terms = Vec<(usize, f64)>;

impl FittedPropensity {
    /// The table of effects, the intercept first, then feature by feature in the order of the columns;
    /// intervals at confidence `level`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a level outside 0 and 1, and for an outcome of several classes.
    pub fn effects(&self, level: f64) -> Result<Vec<Effect>> {
        self.check_binary("effects of a whole model")?;
        self.effects_of(0, level)
    }

    /// [`FittedPropensity::effects`] for one class of several, counted from 0: changes of its log-odds
    /// against the mean of all classes.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a level outside 0 and 1, and for a class that there is not.
    pub fn class_effects(&self, class: usize, level: f64) -> Result<Vec<Effect>> {
        if class >= self.classes.len() {
            let expected = match self.classes.len() {
                0 => "an outcome of several classes; a binary one has effects".to_owned(),
                n => format!("a number below {n}"),
            };
            return Err(Error::parameter("class", class, expected));
        }
        self.effects_of(class, level)
    }

    fn effects_of(&self, class: usize, level: f64) -> Result<Vec<Effect>> {
        let z = normal_quantile(level)?;
        // The coefficients of a class follow those of the one before.
        let away = class * self.encoding.width();
        let effect = |feature: Option<String>, at: String, terms: &[(usize, f64)]| {
            let terms: Terms = terms.iter().map(|(place, x)| (away + place, *x)).collect();
            self.effect(feature, at, &terms, z)
        };
        let labels = self.encoding.labels();
        let mut intercept: Terms = vec![(0, 1.0)];
        let mut rows = Vec::new();
        for (place, learned) in self.encoding.features.iter().enumerate() {
            let name = Some(learned.name.clone());
            let mut mean: Terms = Vec::new();
            match &learned.kind {
                Kind::Linear {
                    mean,
                    standard_deviation,
                    dense,
                    ..
                } => {
                    intercept.push((*dense, -mean / standard_deviation));
                    let slope = vec![(*dense, standard_deviation.recip())];
                    rows.push(effect(name.clone(), Label::Slope.to_string(), &slope));
                }
                Kind::Spline {
                    rank,
                    first,
                    mean: own,
                    ..
                } => {
                    let columns = self.encoding.dense + first..;
                    mean = columns.zip(own.iter().copied()).collect();
                    intercept.extend(&mean);
                    for share in SHOWN {
                        let mut terms = self.at_rank(place, share);
                        terms.extend(mean.iter().map(|(column, weight)| (*column, -weight)));
                        let at = format!("at {}", short(rank.value(share)));
                        rows.push(effect(name.clone(), at, &merged(terms)));
                    }
                }
                // Under a penalty the data tell levels apart, but not all of them from the intercept.
                Kind::Bins { .. } | Kind::Levels { .. } if self.strengths[place] != [0.0; 2] => {
                    let own = |column: &usize| labels[*column].0 == Some(place);
                    let columns = (0..labels.len()).filter(own);
                    mean = columns.map(|column| (column, self.means[column])).collect();
                    intercept.extend(&mean);
                }
                Kind::Constant { .. } | Kind::Bins { .. } | Kind::Levels { .. } => {}
            }
            for (column, (feature, label)) in labels.iter().enumerate() {
                if *feature != Some(place) || matches!(label, Label::Slope | Label::Basis(_)) {
                    continue;
                }
                let mut terms = vec![(column, 1.0)];
                terms.extend(mean.iter().map(|(column, weight)| (*column, -weight)));
                rows.push(effect(name.clone(), label.to_string(), &merged(terms)));
            }
        }
        rows.insert(0, effect(None, Label::Intercept.to_string(), &intercept));
        Ok(rows)
    }

    /// Every feature as a whole, in the order of the columns; of several classes, the root mean square of
    /// the spreads of their log-odds.
    pub fn terms(&self) -> Vec<Term> {
        let classes = self.coefficients.len() / self.encoding.width();
        let spread = |place: usize| {
            let squares = (0..classes).map(|class| self.spread(place, class).powi(2));
            (squares.sum::<f64>() / classes as f64).sqrt()
        };
        let features = self.encoding.features.iter().enumerate();
        features
            .map(|(place, learned)| Term {
                feature: learned.name.clone(),
                spread: spread(place),
                effective_parameters: self.effective[place],
                strength: self.strengths[place][0],
            })
            .collect()
    }

    /// What a feature adds to the log-odds: a curve at `points` numbers (evenly spread over the
    /// customers for a spline, over the range for a straight line), or level by level; intervals at
    /// confidence `level`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a feature that the model does not have, fewer than 2 points, a
    /// level outside 0 and 1, and an outcome of several classes.
    pub fn curve(&self, feature: &str, points: usize, level: f64) -> Result<Curve> {
        self.check_binary("curves")?;
        let z = normal_quantile(level)?;
        let Some(place) = self
            .encoding
            .features
            .iter()
            .position(|one| one.name == feature)
        else {
            let expected = format!("one of {:?}", self.features());
            return Err(Error::parameter(
                "feature",
                format!("'{feature}'"),
                expected,
            ));
        };
        if points < 2 {
            return Err(Error::parameter("points", points, "at least 2"));
        }
        let labels = self.encoding.labels();
        let own = |column: &usize| labels[*column].0 == Some(place);
        let columns: Vec<usize> = (0..labels.len()).filter(own).collect();
        let point = |value: f64, label: String, terms: Terms| {
            let away = columns.iter().map(|&column| (column, -self.means[column]));
            let terms = merged(terms.into_iter().chain(away).collect());
            let effect = self.effect(None, String::new(), &terms, z);
            CurvePoint {
                value,
                label,
                effect: effect.estimate,
                lower: effect.lower,
                upper: effect.upper,
            }
        };
        let share = |step: usize| step as f64 / (points - 1) as f64;
        let mut found = Vec::new();
        match &self.encoding.features[place].kind {
            Kind::Linear {
                mean,
                standard_deviation,
                lowest,
                highest,
                dense,
                ..
            } => found.extend((0..points).map(|step| {
                let value = lowest + share(step) * (highest - lowest);
                let terms = vec![(*dense, (value - mean) / standard_deviation)];
                point(value, short(value), terms)
            })),
            Kind::Spline { rank, .. } => found.extend((0..points).map(|step| {
                let value = rank.value(share(step));
                point(value, short(value), self.at_rank(place, share(step)))
            })),
            Kind::Constant { .. } | Kind::Bins { .. } | Kind::Levels { .. } => {}
        }
        for &column in &columns {
            let label = &labels[column].1;
            let value = match label {
                Label::Slope | Label::Basis(_) => continue,
                Label::Value(value) => *value,
                _ => f64::NAN,
            };
            found.push(point(value, label.to_string(), vec![(column, 1.0)]));
        }
        Ok(Curve {
            feature: feature.to_owned(),
            points: found,
        })
    }

    /// The coefficients of a spline at a rank.
    fn at_rank(&self, feature: usize, share: f64) -> Terms {
        let Kind::Spline {
            intervals, first, ..
        } = &self.encoding.features[feature].kind
        else {
            return Vec::new();
        };
        let local = splines(share, *intervals);
        (self.encoding.dense + first + local.first..)
            .zip(local.weights)
            .collect()
    }

    fn effect(
        &self,
        feature: Option<String>,
        at: String,
        terms: &[(usize, f64)],
        z: f64,
    ) -> Effect {
        let estimate: f64 = terms.iter().map(|(j, x)| self.coefficients[*j] * x).sum();
        let error = self
            .uncertainty
            .as_ref()
            .map(|one| one.variance(terms).sqrt());
        // A reference has no error.
        let score = error
            .filter(|error| *error > 0.0)
            .map(|error| estimate / error);
        Effect {
            feature,
            at,
            estimate,
            standard_error: error,
            lower: error.map(|error| estimate - z * error),
            upper: error.map(|error| estimate + z * error),
            z: score,
            p_value: score.map(|score| erfc(score.abs() / std::f64::consts::SQRT_2)),
        }
    }

    /// The standard deviation of a feature's share over the customers of the fit.
    fn spread(&self, place: usize, class: usize) -> f64 {
        let width = self.encoding.width();
        let coefficients = &self.coefficients[class * width..(class + 1) * width];
        let labels = self.encoding.labels();
        let mut points: Vec<(f64, f64)> = Vec::new();
        let mut curve = 0.0;
        for (column, (feature, label)) in labels.iter().enumerate() {
            if *feature != Some(place) {
                continue;
            }
            match label {
                Label::Slope => return coefficients[column].abs(),
                // The basis's means add up to the share of rows on the curve.
                Label::Basis(_) => curve += self.means[column],
                _ => points.push((self.means[column], coefficients[column])),
            }
        }
        if let Kind::Spline { intervals, .. } = &self.encoding.features[place].kind {
            debug_assert!(n_splines(*intervals) > 3);
            points.extend((0..FINE).map(|step| {
                let rank = (step as f64 + 0.5) / FINE as f64;
                let terms = self.at_rank(place, rank).into_iter();
                let value = terms.map(|(j, x)| coefficients[j] * x).sum();
                (curve / FINE as f64, value)
            }));
        }
        let total: f64 = points.iter().map(|(share, _)| share).sum();
        if total == 0.0 {
            return 0.0;
        }
        let mean = points
            .iter()
            .map(|(share, value)| share * value)
            .sum::<f64>()
            / total;
        let squares = points
            .iter()
            .map(|(share, value)| share * (value - mean).powi(2));
        (squares.sum::<f64>() / total).sqrt()
    }
}

/// Terms of one column together.
fn merged(mut terms: Terms) -> Terms {
    terms.sort_by_key(|(column, _)| *column);
    terms.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    terms
}

/// A number in at most seven digits.
#[allow(clippy::cast_possible_truncation)] // within 300 of 0
fn short(value: f64) -> String {
    let digits = 6 - value.abs().max(1e-300).log10().floor().clamp(-300.0, 300.0) as i64;
    match usize::try_from(digits) {
        Ok(digits) if digits <= 12 => {
            let text = format!("{value:.digits$}");
            if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text
            }
        }
        _ => format!("{value:.5e}"),
    }
}
