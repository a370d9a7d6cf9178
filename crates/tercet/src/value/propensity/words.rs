//! Reasons in words.

use super::reasons::Reasons;
use crate::data::{Design, Feature, FeatureView, NO_LEVEL};
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};

/// Texts that lie one after the other, as columns of text do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// All of them.
    pub text: String,
    /// Where each begins, in bytes, and last where the last one ends.
    pub offsets: Vec<usize>,
}

impl Texts {
    fn with_capacity(n: usize, bytes: usize) -> Self {
        let mut offsets = Vec::with_capacity(n + 1);
        offsets.push(0);
        Self {
            text: String::with_capacity(n * bytes),
            offsets,
        }
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A text by its place.
    ///
    /// # Panics
    /// Where there is none.
    pub fn get(&self, place: usize) -> &str {
        &self.text[self.offsets[place]..self.offsets[place + 1]]
    }

    /// What was appended since the last text ended is the next one.
    fn end(&mut self) {
        self.offsets.push(self.text.len());
    }
}

/// What reasons say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonWords {
    /// The customer's value of each reason's feature; "missing" where there is none.
    pub values: Texts,
    /// "visits = 3 raises the probability by 12.4 percentage points."
    pub sentences: Texts,
}

/// Reasons that are worded between two looks at the observer.
const AT_ONCE: usize = 1 << 14;

impl Reasons {
    /// The value of each reason's feature and a sentence, in words.
    ///
    /// `customers` are those whose reasons they are, with the features in the same order; `points` what
    /// [`Reasons::percentage_points`] returns. Numbers have three figures that count; those that are
    /// whole have all.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for points of another length, or customers that are not those;
    /// [`Error::Interrupted`] where the observer asks for it.
    pub fn words(
        &self,
        customers: &Design<'_>,
        points: &[f64],
        observer: &mut dyn Observer,
    ) -> Result<ReasonWords> {
        self.check(customers, points)?;
        let columns: Vec<FeatureView<'_, '_>> =
            customers.features().iter().map(Feature::view).collect();
        let longest = self.features.iter().map(String::len).max().unwrap_or(0);
        let mut values = Texts::with_capacity(self.len(), 8);
        let mut sentences = Texts::with_capacity(self.len(), longest + 64);
        let mut phase = Phase::new(observer, "wording");
        for (place, point) in points.iter().enumerate() {
            if place % AT_ONCE == 0 {
                phase.poll()?;
            }
            let (row, feature) = (self.row[place] as usize, self.feature[place] as usize);
            match &columns[feature] {
                FeatureView::Numbers(numbers) => push_short(&mut values.text, numbers.get(row)),
                FeatureView::Levels { codes, levels } => {
                    let level = (codes[row] != NO_LEVEL).then(|| &levels[usize::from(codes[row])]);
                    values.text.push_str(level.map_or(MISSING, String::as_str));
                }
            }
            values.end();
            let sentence = &mut sentences.text;
            sentence.push_str(&self.features[feature]);
            sentence.push_str(" = ");
            sentence.push_str(values.get(place));
            sentence.push_str(if self.contribution[place] > 0.0 {
                " raises the probability by "
            } else {
                " lowers the probability by "
            });
            push_tenths(sentence, *point);
            sentence.push_str(" percentage points.");
            sentences.end();
        }
        Ok(ReasonWords { values, sentences })
    }

    fn check(&self, customers: &Design<'_>, points: &[f64]) -> Result<()> {
        let n = self.len();
        for (name, len) in [
            ("points", points.len()),
            ("rank", self.rank.len()),
            ("feature", self.feature.len()),
            ("contribution", self.contribution.len()),
        ] {
            if len != n {
                return Err(Error::parameter(name, len, format!("one a reason, {n}")));
            }
        }
        let inside = |places: &[u32], n: usize| places.iter().all(|place| (*place as usize) < n);
        let n_features = self.features.len();
        if customers.features().len() != n_features || !inside(&self.feature, n_features) {
            let expected = format!("the {n_features} features that the reasons are of");
            let found = customers.features().len();
            return Err(Error::parameter("customers", found, expected));
        }
        if !inside(&self.row, customers.len()) {
            let expected = "the customers whose reasons they are: rows are missing";
            return Err(Error::parameter("customers", customers.len(), expected));
        }
        Ok(())
    }
}

const MISSING: &str = "missing";

/// A number as a sentence has it: whole, or of three figures that count. NaN is "missing".
///
/// # Examples
/// ```
/// use tercet::value::propensity::short;
///
/// assert_eq!(short(74.4037), "74.4");
/// assert_eq!(short(12_345.6), "12346");
/// assert_eq!(short(0.00001234), "1.23e-05");
/// ```
pub fn short(value: f64) -> String {
    let mut text = String::new();
    push_short(&mut text, value);
    text
}

/// Larger numbers are written with an exponent: not all of their figures are known.
const WHOLE: f64 = 1e15;

/// Smaller ones too.
const SMALL: f64 = 1e-4;

fn push_short(text: &mut String, value: f64) {
    let size = value.abs();
    if value.is_nan() {
        text.push_str(MISSING);
    } else if value.is_infinite() {
        text.push_str(if value > 0.0 { "inf" } else { "-inf" });
    } else if size >= WHOLE || (size < SMALL && size > 0.0) {
        push_exponent(text, value);
    } else {
        // Three figures that count, of which so many stand behind the point.
        let behind = match size {
            _ if size >= 100.0 || size.fract() == 0.0 => 0,
            _ if size >= 10.0 => 1,
            _ if size >= 1.0 => 2,
            _ if size >= 0.1 => 3,
            _ if size >= 0.01 => 4,
            _ if size >= 0.001 => 5,
            _ => 6,
        };
        let one = TENS[behind];
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below 1e15
        let figures = (size * one as f64).round_ties_even() as u64;
        if value < 0.0 && figures > 0 {
            text.push('-');
        }
        push_whole(text, figures / one);
        let mut rest = figures % one;
        if rest > 0 {
            text.push('.');
            let mut unit = one;
            while rest > 0 {
                unit /= 10;
                text.push(digit(rest / unit));
                rest %= unit;
            }
        }
    }
}

const TENS: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// `1.23e-05`, as other languages print it: without zeros at the end, two figures of the exponent.
fn push_exponent(text: &mut String, value: f64) {
    let written = format!("{value:.2e}");
    let (figures, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let figures = figures.trim_end_matches('0').trim_end_matches('.');
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    text.push_str(figures);
    text.push('e');
    text.push(sign);
    if exponent.len() < 2 {
        text.push('0');
    }
    text.push_str(exponent);
}

/// Percentage points with one figure behind the point.
fn push_tenths(text: &mut String, points: f64) {
    let size = points.abs();
    // A calibrated probability may stay where it is: its map has steps.
    if size < 0.05 || size.is_nan() {
        text.push_str("less than 0.1");
        return;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 1,000
    let tenths = (10.0 * size).round_ties_even() as u64;
    push_whole(text, tenths / 10);
    text.push('.');
    text.push(digit(tenths % 10));
}

fn push_whole(text: &mut String, mut value: u64) {
    let mut figures = ['0'; 20];
    let mut first = figures.len();
    loop {
        first -= 1;
        figures[first] = digit(value % 10);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    text.extend(&figures[first..]);
}

/// A figure from 0 to 9.
fn digit(figure: u64) -> char {
    #[allow(clippy::cast_possible_truncation)] // at most 9
    char::from(b'0' + (figure % 10) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [
            (410.314, "410"),
            (12_345.0, "12345"),
            (1_234_567.0, "1234567"),
            (0.012_345, "0.0123"),
            (0.001, "0.001"),
            (0.09999, "0.1"),
            (0.9996, "1"),
            (9.996, "10"),
            (99.96, "100"),
            (0.000_123_456, "0.000123"),
            (-2.0, "-2"),
            (-0.555_55, "-0.556"),
            (0.0, "0"),
            (-0.0, "0"),
            (1.5e15, "1.5e+15"),
            (1e-7, "1e-07"),
            (-2e300, "-2e+300"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "missing"),
        ] {
            assert_eq!(short(value), expected, "{value}");
        }
    }

    #[test]
    fn reasons_of_other_customers_are_refused() {
        let visits = [3.0, f64::NAN];
        let codes = [0, NO_LEVEL];
        let design = Design::new(vec![
            ("visits".to_owned(), Feature::Numbers(&visits)),
            (
                "plan".to_owned(),
                Feature::Levels {
                    codes: &codes,
                    levels: vec!["basic".to_owned()],
                },
            ),
        ])
        .unwrap();
        let mut reasons = Reasons {
            features: vec!["visits".to_owned(), "plan".to_owned()],
            row: vec![0, 0, 1, 1],
            rank: vec![1, 2, 1, 2],
            feature: vec![0, 1, 0, 1],
            contribution: vec![1.0, -1.0, 0.5, 0.4],
            log_odds: vec![0.0, 0.0],
        };
        let words = reasons
            .words(&design, &[12.44, -0.04, 99.96, f64::NAN], &mut ())
            .unwrap();
        let said: Vec<&str> = (0..4).map(|k| words.sentences.get(k)).collect();
        assert_eq!(
            said,
            [
                "visits = 3 raises the probability by 12.4 percentage points.",
                "plan = basic lowers the probability by less than 0.1 percentage points.",
                "visits = missing raises the probability by 100.0 percentage points.",
                "plan = missing raises the probability by less than 0.1 percentage points.",
            ]
        );
        assert_eq!(words.values.get(1), "basic");
        assert!(reasons.words(&design, &[1.0], &mut ()).is_err());
        reasons.row[3] = 2;
        assert!(reasons.words(&design, &[1.0; 4], &mut ()).is_err());
        reasons.row[3] = 1;
        reasons.features.pop();
        assert!(reasons.words(&design, &[1.0; 4], &mut ()).is_err());
    }
}
