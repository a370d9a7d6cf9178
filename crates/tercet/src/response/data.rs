//! What effects are estimated from: customers, how they were treated, and what became of them.

use crate::data::{Design, check_length};
use crate::error::{Error, Result};

/// The most arms, the control included.
pub(super) const MOST_ARMS: usize = 8;
/// How far the probabilities of a row's arms may be from adding up to 1.
const SLACK: f64 = 1e-6;

/// How each customer was treated.
#[derive(Debug, Clone, PartialEq)]
pub enum Treatment<'a> {
    /// One of several arms of an experiment.
    Arms {
        /// The arm of each row, from 0.
        codes: &'a [u16],
        /// The arms' names, in the order of their codes; the first is the control.
        arms: Vec<String>,
    },
    /// An amount: a discount, a number of mails; effects are by unit of it.
    Amount(&'a [f64]),
}

/// What is known of the probability of each arm beforehand.
#[derive(Debug, Clone, PartialEq)]
pub enum Propensities<'a> {
    /// Nothing: it is estimated from the features.
    Estimated,
    /// It is the same for all customers: the shares of the arms in the data.
    Observed,
    /// It is the same for all customers: these shares, an arm each.
    Shares(Vec<f64>),
    /// The probability of every arm a row, row by row.
    Rows(&'a [f64]),
}

/// Customers with their features, their treatment and a numeric outcome.
///
/// ```
/// use tercet::data::{Design, Feature};
/// use tercet::response::{EffectData, Treatment};
///
/// let design = Design::new(vec![("orders".into(), Feature::Numbers(&[4.0, 0.0, 1.0, 2.0]))])?;
/// let arms = vec!["no mail".to_owned(), "mail".to_owned()];
/// let treatment = Treatment::Arms { codes: &[1, 0, 0, 1], arms };
/// let data = EffectData::new(design, ("arm", treatment), ("spend", &[20.0, 0.0, 5.0, 0.0]))?;
/// assert_eq!((data.len(), data.n_effects()), (4, 1));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct EffectData<'a> {
    design: Design<'a>,
    treatment_name: String,
    treatment: Treatment<'a>,
    outcome_name: String,
    outcome: &'a [f64],
    propensities: Propensities<'a>,
}

impl<'a> EffectData<'a> {
    /// Customers, with the name and the values of treatment and outcome.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] where treatment or outcome have not one value a row;
    /// [`Error::InvalidData`] for an outcome or an amount that is missing or infinite, for fewer than
    /// two arms or more than eight, an arm without a row, and amounts that are all the same.
    pub fn new(
        design: Design<'a>,
        treatment: (&str, Treatment<'a>),
        outcome: (&str, &'a [f64]),
    ) -> Result<Self> {
        let (outcome_name, outcome) = outcome;
        let (treatment_name, treatment) = treatment;
        check_length(outcome_name, design.len(), outcome)?;
        if let Some(row) = outcome.iter().position(|y| !y.is_finite()) {
            let reason = format!(
                "is {}; leave out rows whose outcome is not known, or say what it is",
                outcome[row]
            );
            return Err(Error::data(outcome_name, row, reason));
        }
        check_magnitude(outcome_name, outcome)?;
        let data = Self {
            design,
            treatment_name: treatment_name.to_owned(),
            treatment,
            outcome_name: outcome_name.to_owned(),
            outcome,
            propensities: Propensities::Estimated,
        };
        data.check_treatment()?;
        Ok(data)
    }

    /// Says what is known of the arms' probabilities.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for an amount, and for shares that are not one an arm;
    /// [`Error::InvalidData`] for a probability outside 0 and 1, and for a row whose probabilities do
    /// not add up to 1.
    pub fn with_propensities(mut self, name: &str, known: Propensities<'a>) -> Result<Self> {
        let Treatment::Arms { arms, .. } = &self.treatment else {
            if known == Propensities::Estimated {
                return Ok(self);
            }
            let expected = "none for an amount: its expectation is estimated";
            return Err(Error::parameter(name, "known", expected));
        };
        let k = arms.len();
        let check = |row: Option<usize>, values: &[f64]| {
            if let Some(place) = values.iter().position(|p| !(*p > 0.0 && *p < 1.0)) {
                let reason = format!(
                    "is {} for arm '{}'; a probability of 0 or 1 leaves nothing to compare: leave these customers out",
                    values[place], arms[place]
                );
                return Err(Error::data(name, row, reason));
            }
            let sum: f64 = values.iter().sum();
            if (sum - 1.0).abs() > SLACK {
                let reason = format!("adds up to {sum} over the arms; it should be 1");
                return Err(Error::data(name, row, reason));
            }
            Ok(())
        };
        match &known {
            Propensities::Estimated | Propensities::Observed => {}
            Propensities::Shares(shares) => {
                if shares.len() != k {
                    let expected = format!("{k} shares, one an arm, the control's first");
                    return Err(Error::parameter(name, shares.len(), expected));
                }
                check(None, shares)?;
            }
            Propensities::Rows(values) => {
                check_length(name, self.design.len() * k, values)?;
                for (row, values) in values.chunks_exact(k).enumerate() {
                    check(Some(row), values)?;
                }
            }
        }
        self.propensities = known;
        Ok(self)
    }

    fn check_treatment(&self) -> Result<()> {
        let name = &self.treatment_name;
        let refuse = |row: Option<usize>, reason: String| Err(Error::data(name, row, reason));
        let found = match &self.treatment {
            Treatment::Arms { codes, .. } => codes.len(),
            Treatment::Amount(values) => values.len(),
        };
        if found != self.design.len() {
            return Err(Error::ShapeMismatch {
                column: name.clone(),
                expected: self.design.len(),
                found,
            });
        }
        match &self.treatment {
            Treatment::Amount(values) => {
                if let Some(row) = values.iter().position(|w| !w.is_finite()) {
                    let reason = format!("is {}; an amount is a finite number", values[row]);
                    return refuse(Some(row), reason);
                }
                check_magnitude(name, values)?;
                if values.iter().all(|w| *w == values[0]) {
                    return refuse(
                        None,
                        "is the same in every row: there is nothing to compare".to_owned(),
                    );
                }
            }
            Treatment::Arms { codes, arms } => {
                if arms.len() < 2 {
                    let reason = "has one arm only; an effect is a difference between two";
                    return refuse(None, reason.to_owned());
                }
                if arms.len() > MOST_ARMS {
                    let reason = format!(
                        "has {} arms, and at most {MOST_ARMS} are compared at once; pass fewer, or an amount",
                        arms.len()
                    );
                    return refuse(None, reason);
                }
                let beyond = |code: &u16| usize::from(*code) >= arms.len();
                if let Some(row) = codes.iter().position(beyond) {
                    let reason = format!(
                        "has code {}, and there are {} arms; leave rows without a treatment out",
                        codes[row],
                        arms.len()
                    );
                    return refuse(Some(row), reason);
                }
                let counts = self.arm_counts();
                if let Some(empty) = counts.iter().position(|n| *n == 0) {
                    let reason = format!("has no row of arm '{}'; leave the arm out", arms[empty]);
                    return refuse(None, reason);
                }
            }
        }
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.design.len()
    }

    /// Never true: an empty table is refused at the door.
    pub fn is_empty(&self) -> bool {
        self.design.is_empty()
    }

    /// The features.
    pub fn design(&self) -> &Design<'a> {
        &self.design
    }

    /// What the treatment is called.
    pub fn treatment_name(&self) -> &str {
        &self.treatment_name
    }

    /// The treatment.
    pub fn treatment(&self) -> &Treatment<'a> {
        &self.treatment
    }

    /// What the outcome is called.
    pub fn outcome_name(&self) -> &str {
        &self.outcome_name
    }

    /// The outcome.
    pub fn outcome(&self) -> &'a [f64] {
        self.outcome
    }

    /// What is known of the arms' probabilities.
    pub fn propensities(&self) -> &Propensities<'a> {
        &self.propensities
    }

    /// The arms' names, the control's first; none for an amount.
    pub fn arms(&self) -> &[String] {
        match &self.treatment {
            Treatment::Arms { arms, .. } => arms,
            Treatment::Amount(_) => &[],
        }
    }

    /// Number of effects a customer: one an arm but the control, or that of an amount.
    pub fn n_effects(&self) -> usize {
        self.arms().len().max(2) - 1
    }

    /// The arm of a row; 0 where the treatment is an amount.
    #[inline]
    pub(super) fn arm(&self, row: usize) -> usize {
        match &self.treatment {
            Treatment::Arms { codes, .. } => usize::from(codes[row]),
            Treatment::Amount(_) => 0,
        }
    }

    /// The treatment of a row as a number an effect: whether it is in the arm, or the amount.
    #[inline]
    pub(super) fn treated<const K: usize>(&self, row: usize) -> [f64; K] {
        match &self.treatment {
            Treatment::Arms { codes, .. } => {
                let arm = usize::from(codes[row]);
                std::array::from_fn(|k| f64::from(u8::from(arm == k + 1)))
            }
            Treatment::Amount(values) => [values[row]; K],
        }
    }

    /// Rows of each arm.
    pub(super) fn arm_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.arms().len()];
        if let Treatment::Arms { codes, .. } = &self.treatment {
            for code in *codes {
                counts[usize::from(*code)] += 1;
            }
        }
        counts
    }
}

/// The greatest number whose squares and products stay numbers, and the inverse of the smallest.
const GREATEST: f64 = 1e30;

/// That numbers can be squared: neither so great nor, all of them, so small that squares are no numbers.
pub(crate) fn check_magnitude(name: &str, values: &[f64]) -> Result<()> {
    let sizes = || values.iter().map(|value| value.abs());
    if let Some(row) = sizes().position(|size| size > GREATEST && size.is_finite()) {
        let reason = format!(
            "is {:e}, too great to be squared (1e30 is the most); give the column in a larger unit: divide it",
            values[row]
        );
        return Err(Error::data(name, row, reason));
    }
    let most = sizes().fold(0.0, f64::max);
    if most > 0.0 && most < 1.0 / GREATEST {
        let reason = format!(
            "is nowhere further from 0 than {most:e}, too little to be squared (1e-30 is the least); give the column in a smaller unit: multiply it"
        );
        return Err(Error::data(name, None, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Feature;

    fn design(x: &[f64]) -> Design<'_> {
        Design::new(vec![("x".to_owned(), Feature::Numbers(x))]).unwrap()
    }

    #[test]
    fn refuses_what_cannot_be() {
        let x = [1.0, 2.0, 3.0];
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let arms = |codes, arms: &[&str]| Treatment::Arms {
            codes,
            arms: names(arms),
        };
        let told = |treatment, outcome| {
            let data = EffectData::new(design(&x), ("arm", treatment), ("spend", outcome));
            data.unwrap_err().to_string()
        };
        let y = &[1.0, 0.0, 2.0][..];
        assert!(told(arms(&[0, 0, 0], &["a"]), y).contains("one arm only"));
        assert!(told(arms(&[0, 0, 0], &["a", "b"]), y).contains("no row of arm 'b'"));
        assert!(told(arms(&[0, 1, 2], &["a", "b"]), y).contains("row 2: has code 2"));
        assert!(told(arms(&[0, 1], &["a", "b"]), y).contains("expected 3 rows, found 2"));
        let missing = told(arms(&[0, 1, 0], &["a", "b"]), &[1.0, f64::NAN, 0.0]);
        assert!(missing.starts_with("column 'spend', row 1"), "{missing}");
        let great = told(arms(&[0, 1, 0], &["a", "b"]), &[1.0, 0.0, -2e300]);
        assert!(great.contains("row 2: is -2e300, too great"), "{great}");
        let small = told(arms(&[0, 1, 0], &["a", "b"]), &[1e-300, 0.0, 2e-301]);
        assert!(small.contains("multiply it"), "{small}");
        assert!(told(Treatment::Amount(&[2.0; 3]), y).contains("nothing to compare"));
        assert!(told(Treatment::Amount(&[2.0, f64::NAN, 1.0]), y).contains("row 1"));
    }

    #[test]
    fn refuses_probabilities_that_cannot_be() {
        let x = [1.0, 2.0, 3.0];
        let y = [1.0, 0.0, 2.0];
        let told = |known| {
            let arms = vec!["a".to_owned(), "b".to_owned()];
            let treatment = Treatment::Arms {
                codes: &[0, 1, 0],
                arms,
            };
            let data = EffectData::new(design(&x), ("arm", treatment), ("spend", &y)).unwrap();
            data.with_propensities("propensity", known)
                .unwrap_err()
                .to_string()
        };
        assert!(told(Propensities::Shares(vec![0.5])).contains("2 shares"));
        assert!(told(Propensities::Shares(vec![0.5, 0.4])).contains("adds up to 0.9"));
        let none = told(Propensities::Rows(&[0.5, 0.5, 0.0, 1.0, 0.5, 0.5]));
        assert!(
            none.starts_with("column 'propensity', row 1: is 0 for arm 'a'"),
            "{none}"
        );
        let data = EffectData::new(design(&x), ("mails", Treatment::Amount(&x)), ("spend", &y));
        assert!(
            data.unwrap()
                .with_propensities("propensity", Propensities::Observed)
                .is_err()
        );
    }
}
