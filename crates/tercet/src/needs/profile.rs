//! Who the segments are: what each answers more and less than the others, and how sure that is.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::data::{Answers, Question, QuestionKind, Survey};
use crate::error::{Error, Result};

/// The answers of every segment to every question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// A row a segment and a level (or a mean), question by question.
    pub rows: Vec<ProfileRow>,
    /// A name and a sentence for each segment, to be edited.
    pub drafts: Vec<Draft>,
    n_segments: usize,
}

/// One figure of a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileRow {
    /// The question.
    pub question: String,
    /// The level whose share this is; `None` where it is a mean.
    pub level: Option<String>,
    /// The segment, from 0.
    pub segment: usize,
    /// Share or mean in the segment, each respondent counted with the probability of belonging to it.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Share or mean of all.
    pub total: f64,
    /// Share or mean of the other segments together.
    pub others: f64,
    /// How far the segment lies from the others, in standard deviations of all respondents (Cohen's d):
    /// 0.2 is little, 0.8 is much, whatever the question and however many were asked.
    pub effect: f64,
    /// 100 times the value divided by the total.
    pub index: f64,
    /// How many standard errors the segment differs from the rest; infinite where all members answer
    /// one thing and all others another.
    pub z: f64,
    /// The two-sided p-value of that.
    pub p_value: f64,
    /// The same, adjusted for the number of figures in the profile (Benjamini & Hochberg 1995).
    pub p_adjusted: f64,
}

/// A first name and description of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// From the most distinguishing answers.
    pub name: String,
    /// What the segment answers more often than the others, and less.
    pub description: String,
}

/// How many answers a description mentions to each side.
const MENTIONED: usize = 3;

impl Profile {
    /// Profiles `n_segments` segments from the respondents' posterior probabilities (row by row), on any
    /// questions: those that made the segments, and any others.
    ///
    /// Values are weighted by weight and posterior. A segment is compared with all others together; the
    /// standard error is that of the linearised difference, robust to weights. For the questions that
    /// made the segments the p-values are too small, since the segments were chosen to differ in them.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless there is a posterior for each respondent and segment.
    pub fn new(survey: &Survey<'_>, posterior: &[f64], n_segments: usize) -> Result<Self> {
        if n_segments == 0 || posterior.len() != survey.len() * n_segments {
            return Err(Error::ShapeMismatch {
                column: "posterior".to_owned(),
                expected: survey.len() * n_segments,
                found: posterior.len(),
            });
        }
        let mut rows = Vec::new();
        for (question, answers) in survey.questions().iter().zip(survey.answers()) {
            rows.extend(of_question(
                survey, question, answers, posterior, n_segments,
            ));
        }
        adjust(&mut rows);
        let drafts = (0..n_segments)
            .map(|segment| draft(&rows, segment))
            .collect();
        Ok(Self {
            rows,
            drafts,
            n_segments,
        })
    }

    /// How many segments.
    pub fn n_segments(&self) -> usize {
        self.n_segments
    }
}

fn of_question(
    survey: &Survey<'_>,
    question: &Question,
    answers: &Answers<'_>,
    posterior: &[f64],
    k: usize,
) -> Vec<ProfileRow> {
    let mut rows = Vec::new();
    let mut push = |level: Option<String>, value: &dyn Fn(usize) -> f64| {
        for segment in 0..k {
            let compared = compare(survey, answers, posterior, (segment, k), value);
            rows.push(ProfileRow {
                question: question.name.clone(),
                level: level.clone(),
                segment,
                ..compared
            });
        }
    };
    match *answers {
        Answers::Codes(codes) => {
            for (code, level) in question.levels().unwrap_or_default().iter().enumerate() {
                let chosen = |row: usize| f64::from(usize::from(codes[row]) == code);
                push(Some(level.clone()), &chosen);
            }
            if let QuestionKind::Ordinal { scores, .. } = &question.kind {
                let score =
                    |row: usize| scores.get(usize::from(codes[row])).copied().unwrap_or(0.0);
                push(None, &score);
            }
        }
        Answers::Numbers(numbers) => push(None, &|row: usize| numbers[row]),
    }
    rows
}

/// The mean of a segment, of all, and how far the segment differs from the rest.
fn compare(
    survey: &Survey<'_>,
    answers: &Answers<'_>,
    posterior: &[f64],
    (segment, k): (usize, usize),
    value: &dyn Fn(usize) -> f64,
) -> ProfileRow {
    let answered = || (0..survey.len()).filter(|row| !answers.is_missing(*row));
    let member = |row: usize| posterior[row * k + segment];
    let (mut own, mut own_sum, mut all, mut all_sum) = (0.0, 0.0, 0.0, 0.0);
    for row in answered() {
        let (weight, y) = (survey.weight(row), value(row));
        own += weight * member(row);
        own_sum += weight * member(row) * y;
        all += weight;
        all_sum += weight * y;
    }
    let rest = all - own;
    let (mean, total) = (own_sum / own, all_sum / all);
    let mean_of_rest = (all_sum - own_sum) / rest;
    let (mut variance, mut variance_of_difference, mut squares) = (0.0, 0.0, 0.0);
    for row in answered() {
        let (weight, y, p) = (survey.weight(row), value(row), member(row));
        squares += weight * (y - total) * (y - total);
        let of_own = weight * p * (y - mean) / own;
        variance += of_own * of_own;
        if rest > 0.0 {
            let of_rest = weight * (1.0 - p) * (y - mean_of_rest) / rest;
            variance_of_difference += (of_own - of_rest).powi(2);
        }
    }
    let error = variance_of_difference.sqrt();
    let difference = mean - mean_of_rest;
    // Both groups have members, and what they differ by is more than rounding. Groups that answer
    // alike within and differently between leave no error: z is infinite.
    let comparable = own.min(rest) > 1e-9 * all;
    let z = if comparable && difference.abs() > 1e-12 * (mean.abs() + mean_of_rest.abs()) {
        difference / error
    } else {
        0.0
    };
    ProfileRow {
        question: String::new(),
        level: None,
        segment,
        value: mean,
        standard_error: variance.sqrt(),
        total,
        others: mean_of_rest,
        effect: if z == 0.0 {
            0.0
        } else {
            difference / (squares / all).sqrt()
        },
        // Of a total below 0 a larger mean would be a smaller percentage.
        index: if total > 0.0 {
            100.0 * mean / total
        } else {
            f64::NAN
        },
        z,
        p_value: 2.0 * Normal::standard().cdf(-z.abs()),
        p_adjusted: 1.0,
    }
}

/// Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300.
fn adjust(rows: &mut [ProfileRow]) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| rows[*b].p_value.total_cmp(&rows[*a].p_value));
    let n = rows.len() as f64;
    let mut least = 1.0_f64;
    for (place, index) in order.into_iter().enumerate() {
        let rank = n - place as f64;
        least = least.min(rows[index].p_value * n / rank);
        rows[index].p_adjusted = least;
    }
}

/// A name and a sentence from the figures in which the segment stands out most.
fn draft(rows: &[ProfileRow], segment: usize) -> Draft {
    // Of a rating question its mean says it once; the shares of its levels would say it again.
    let has_mean = |row: &ProfileRow| {
        rows.iter()
            .any(|other| other.question == row.question && other.level.is_none())
    };
    let yes = |row: &ProfileRow| {
        let levels: Vec<&str> = rows
            .iter()
            .filter(|other| other.question == row.question && other.segment == segment)
            .filter_map(|other| other.level.as_deref())
            .collect();
        yes_of(&levels)
    };
    // "yes" says what "no" says: where a question has just these, the one that stands for something is
    // told, in the words of the question.
    let is_told = |row: &&ProfileRow| {
        row.segment == segment
            && match (row.level.as_deref(), yes(row)) {
                // Also where it was declared a rating of two levels.
                (level, Some(yes)) => level == Some(yes),
                (Some(_), None) => !has_mean(row),
                (None, None) => true,
            }
            && row.p_adjusted < 0.05
    };
    let short = |row: &ProfileRow| match row.level.as_deref() {
        Some(level) if yes(row).is_none() => format!("{}: {level}", row.question),
        _ => row.question.clone(),
    };
    let mut told: Vec<&ProfileRow> = rows.iter().filter(is_told).collect();
    told.sort_by(|a, b| b.z.abs().total_cmp(&a.z.abs()));
    let mut above: Vec<&ProfileRow> = told.iter().copied().filter(|row| row.z > 0.0).collect();
    let mut below: Vec<&ProfileRow> = told.iter().copied().filter(|row| row.z < 0.0).collect();
    once_a_question(&mut above);
    once_a_question(&mut below);
    let name = match (above.as_slice(), below.as_slice()) {
        ([first, second, ..], _) => format!("{} and {}", short(first), short(second)),
        ([first], _) => short(first),
        ([], [first, ..]) => format!("low on {}", short(first)),
        ([], []) => "like everybody".to_owned(),
    };
    let list = |rows: &[&ProfileRow]| {
        let words: Vec<String> = rows
            .iter()
            .take(MENTIONED)
            .map(|row| told_as(row, &short(row)))
            .collect();
        words.join("; ")
    };
    let description = match (above.is_empty(), below.is_empty()) {
        (false, false) => format!(
            "More than others: {}. Less: {}.",
            list(&above),
            list(&below)
        ),
        (false, true) => format!("More than others: {}.", list(&above)),
        (true, false) => format!("Less than others: {}.", list(&below)),
        (true, true) => "No answer differs clearly from those of the other segments.".to_owned(),
    };
    Draft { name, description }
}

fn once_a_question(rows: &mut Vec<&ProfileRow>) {
    let mut seen: Vec<&str> = Vec::new();
    rows.retain(|row| {
        let fresh = !seen.contains(&row.question.as_str());
        seen.push(&row.question);
        fresh
    });
}

/// Of the two levels of a question that is answered by yes or no, the yes.
fn yes_of<'l>(levels: &[&'l str]) -> Option<&'l str> {
    const PAIRS: [[&str; 2]; 8] = [
        ["0", "1"],
        ["no", "yes"],
        ["n", "y"],
        ["false", "true"],
        ["not selected", "selected"],
        ["not chosen", "chosen"],
        ["unchecked", "checked"],
        ["not mentioned", "mentioned"],
    ];
    let [one, other] = *levels else {
        return None;
    };
    let pair = |no: &str, yes: &str| PAIRS.contains(&[no, yes]);
    let (lower, upper) = (one.to_lowercase(), other.to_lowercase());
    if pair(&lower, &upper) {
        Some(other)
    } else {
        pair(&upper, &lower).then_some(one)
    }
}

fn told_as(row: &ProfileRow, short: &str) -> String {
    match row.level {
        Some(_) => format!(
            "{short} ({:.0}% against {:.0}%)",
            100.0 * row.value,
            100.0 * row.others
        ),
        None => format!("{short} ({:.3} against {:.3})", row.value, row.others),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_members_give_the_shares_of_a_cross_table() {
        let codes = [1, 1, 0, 1, 0, 0, 0, 255];
        let survey = Survey::new(vec![(
            Question::nominal("q", ["no", "yes"]),
            Answers::Codes(&codes),
        )])
        .unwrap();
        let posterior: Vec<f64> = (0..8)
            .flat_map(|row| if row < 4 { [1.0, 0.0] } else { [0.0, 1.0] })
            .collect();
        let profile = Profile::new(&survey, &posterior, 2).unwrap();
        let yes: Vec<&ProfileRow> = profile
            .rows
            .iter()
            .filter(|row| row.level.as_deref() == Some("yes"))
            .collect();
        assert!((yes[0].value - 0.75).abs() < 1e-15 && yes[1].value == 0.0);
        assert!((yes[0].total - 3.0 / 7.0).abs() < 1e-15);
        assert!((yes[0].index - 175.0).abs() < 1e-12);
        // p (1 - p) / n in each of the two groups.
        let error = (0.75_f64 * 0.25 / 4.0).sqrt();
        assert!((yes[0].z - 0.75 / error).abs() < 1e-12);
    }

    #[test]
    fn one_of_two_levels_is_told_and_every_one_of_three() {
        let regions: Vec<u8> = [0, 1, 2, 2].repeat(25);
        let app: Vec<u8> = [1, 0, 0, 0].repeat(25);
        let survey = Survey::new(vec![
            (
                Question::nominal("region", ["0", "1", "2"]),
                Answers::Codes(&regions),
            ),
            (
                Question::nominal("app", ["no", "yes"]),
                Answers::Codes(&app),
            ),
        ])
        .unwrap();
        let posterior: Vec<f64> = (0..100)
            .flat_map(|row| match row % 4 {
                0 => [1.0, 0.0],
                _ => [0.0, 1.0],
            })
            .collect();
        let profile = Profile::new(&survey, &posterior, 2).unwrap();
        assert_eq!(profile.drafts[0].name, "region: 0 and app");
        assert!(
            profile.drafts[1]
                .description
                .contains("Less: region: 0 (0%")
        );
        assert!(profile.drafts[1].description.contains("region: 2 (67%"));
    }

    #[test]
    fn adjusted_p_values_are_those_of_the_paper_s_procedure() {
        let row = |p_value: f64| ProfileRow {
            question: String::new(),
            level: None,
            segment: 0,
            value: 0.0,
            standard_error: 0.0,
            total: 0.0,
            others: 0.0,
            effect: 0.0,
            index: 0.0,
            z: 0.0,
            p_value,
            p_adjusted: 1.0,
        };
        let mut rows: Vec<ProfileRow> = [0.01, 0.04, 0.03, 0.005].map(row).to_vec();
        adjust(&mut rows);
        let adjusted: Vec<f64> = rows.iter().map(|row| row.p_adjusted).collect();
        for (found, expected) in adjusted.iter().zip([0.02, 0.04, 0.04, 0.02]) {
            assert!((found - expected).abs() < 1e-12);
        }
    }
}
