//! Answers as the fit reads them: equal respondents once, several questions in one number.
//!
//! A sweep over the respondents looks up one row of probabilities a question and multiplies. Two
//! five-point questions have 36 joint answers (missing ones included), six yes/no questions at most
//! 729; so questions are packed into groups, whose joint answer is one look-up. The tables of a
//! group are made anew in every sweep, which pays while they are much shorter than the data.

use hashbrown::HashMap;

use super::WeightType;
use super::measurement::Rows;
use crate::data::{Answers, NO_ANSWER, QuestionKind, Survey};
use crate::error::{Error, Result};
use crate::observe::Phase;
use crate::parallel::{BLOCK, map_blocks};

/// The most joint answers of a group: its table stays in the nearest cache.
const MOST_JOINT: usize = 128;

/// Grouping equal respondents pays when this share or fewer of them are distinct. So few respondents
/// are grouped in any case, for a fit that does not depend on the order of their rows.
const PAYS: f64 = 0.7;
const FEW: usize = 100_000;

/// A question whose answers are levels: what they are worth, and where its code is found.
#[derive(Debug, Clone)]
pub(super) struct Coded {
    /// Which of the survey's questions.
    pub(super) question: usize,
    /// The number that each level stands for: a score, a count; the level itself if nominal.
    pub(super) values: Vec<f64>,
    group: usize,
    stride: usize,
    radix: usize,
}

impl Coded {
    /// The level within a group's joint answer; `values.len()` stands for no answer.
    fn level(&self, joint: usize) -> usize {
        joint / self.stride % self.radix
    }
}

/// A question that is answered by a number, with the scale on which the fit sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dense {
    pub(super) question: usize,
    pub(super) scale: Scale,
}

/// Mean and standard deviation that bring a column of numbers to mean 0 and deviation 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

impl Scale {
    /// Numbers as they are.
    pub(super) const NATURAL: Self = Self {
        mean: 0.0,
        deviation: 1.0,
    };

    fn of(self, value: f64) -> f64 {
        (value - self.mean) / self.deviation
    }
}

/// The respondents of a survey, equal ones together.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    pub(super) coded: Vec<Coded>,
    pub(super) dense: Vec<Dense>,
    /// Joint answers of each group.
    pub(super) sizes: Vec<usize>,
    /// A row a cell, a column a group.
    codes: Vec<u16>,
    /// A row a cell, a column a dense question, standardised; NaN where missing.
    numbers: Vec<f64>,
    pub(super) weights: Vec<f64>,
    /// Sums of squared weights: what a sandwich needs.
    pub(super) squares: Vec<f64>,
    /// Which distinct row of covariates a cell has.
    design_of: Vec<u32>,
    /// Distinct rows of covariates, standardised, the constant first.
    pub(super) designs: Vec<f64>,
    /// How the covariates were standardised.
    pub(super) covariate_scales: Vec<Scale>,
    pub(super) n_features: usize,
    /// The sum of the weights.
    pub(super) total: f64,
    /// The constant of the likelihood that standardising took out.
    pub(super) log_scale: f64,
    pub(super) n_rows: usize,
    /// Whether equal respondents were put together.
    pub(super) grouped: bool,
}

impl Cells {
    /// Reads a survey. `scales` are those of a fitted model; without them they are the survey's own.
    /// `group` equal respondents where it pays.
    pub(super) fn new(
        survey: &Survey<'_>,
        scales: Option<&[Scale]>,
        group: bool,
        phase: &mut Phase<'_>,
    ) -> Result<Self> {
        let columns = Columns::new(survey, scales)?;
        let n_rows = survey.len();
        let blocks = map_blocks(n_rows, phase, |rows| {
            let mut codes = Vec::with_capacity(rows.len() * columns.sizes.len());
            let mut numbers = Vec::with_capacity(rows.len() * columns.dense.len());
            for row in rows {
                columns.read(survey, row, &mut codes, &mut numbers);
            }
            (codes, numbers)
        })?;
        let mut codes = Vec::with_capacity(n_rows * columns.sizes.len());
        let mut numbers = Vec::with_capacity(n_rows * columns.dense.len());
        for (some, others) in blocks {
            codes.extend(some);
            numbers.extend(others);
        }
        let covariates = survey.covariates().iter();
        let covariate_scales: Vec<Scale> = match scales {
            // A year of birth, or an income, is far from 0 in units of what it varies by: squares of it
            // would drown the derivatives.
            None => covariates
                .map(|(_, values)| scale_of(survey, values))
                .collect(),
            Some(_) => covariates.map(|_| Scale::NATURAL).collect(),
        };
        let (design_of, designs) = distinct_designs(survey, &covariate_scales);
        let log_scale = columns.log_scale(survey);
        let mut cells = Self {
            coded: columns.coded,
            dense: columns.dense,
            sizes: columns.sizes,
            codes,
            numbers,
            weights: (0..n_rows).map(|row| survey.weight(row)).collect(),
            squares: (0..n_rows).map(|row| survey.weight(row).powi(2)).collect(),
            design_of,
            designs,
            covariate_scales,
            n_features: survey.covariates().len() + 1,
            total: survey.total_weight(),
            log_scale,
            n_rows,
            grouped: false,
        };
        if group {
            cells.group(phase)?;
        }
        Ok(cells)
    }

    /// The respondents that the weights are worth.
    pub(super) fn worth(&self, weight_type: WeightType) -> f64 {
        weight_type.worth(self.total, self.squares.iter().sum())
    }

    /// Scales the weights to Kish's effective number of respondents.
    pub(super) fn scale_to_effective(&mut self) {
        let factor = self.worth(WeightType::Sampling) / self.total;
        self.weights.iter_mut().for_each(|weight| *weight *= factor);
        self.squares
            .iter_mut()
            .for_each(|square| *square *= factor * factor);
        self.total *= factor;
        self.log_scale *= factor;
    }

    pub(super) fn len(&self) -> usize {
        self.weights.len()
    }

    /// The joint answers of a cell, one a group.
    pub(super) fn codes(&self, cell: usize) -> &[u16] {
        let n = self.sizes.len();
        &self.codes[cell * n..(cell + 1) * n]
    }

    /// The standardised numbers of a cell.
    pub(super) fn numbers(&self, cell: usize) -> &[f64] {
        let n = self.dense.len();
        &self.numbers[cell * n..(cell + 1) * n]
    }

    /// Which distinct row of covariates a cell has.
    pub(super) fn design_of(&self, cell: usize) -> usize {
        self.design_of[cell] as usize
    }

    /// A distinct row of covariates, the constant first.
    pub(super) fn design(&self, index: usize) -> &[f64] {
        &self.designs[index * self.n_features..(index + 1) * self.n_features]
    }

    /// The weight of each distinct row of covariates.
    pub(super) fn design_weights(&self) -> Vec<f64> {
        let mut weights = vec![0.0; self.n_designs()];
        for (design, weight) in self.design_of.iter().zip(&self.weights) {
            weights[*design as usize] += weight;
        }
        weights
    }

    pub(super) fn n_designs(&self) -> usize {
        self.designs.len() / self.n_features
    }

    /// The level of a coded question in a cell; `None` where there is no answer.
    pub(super) fn level(&self, cell: usize, coded: &Coded) -> Option<usize> {
        let level = coded.level(self.codes(cell)[coded.group].into());
        (level < coded.values.len()).then_some(level)
    }

    /// The tables of the groups from those of the questions: `rows` have a row of `width`
    /// numbers a level; no answer counts as a row of ones.
    pub(super) fn join(&self, width: usize, rows: &[Rows]) -> Vec<Vec<f64>> {
        let mut tables: Vec<Vec<f64>> = self.sizes.iter().map(|n| vec![1.0; n * width]).collect();
        for (coded, own) in self.coded.iter().zip(rows) {
            for (joint, row) in tables[coded.group].chunks_exact_mut(width).enumerate() {
                let level = coded.level(joint);
                if level < coded.values.len() {
                    for (value, factor) in row.iter_mut().zip(&own.values[level * width..]) {
                        *value *= factor;
                    }
                }
            }
        }
        tables
    }

    /// The counts of every coded question from those of the groups, a row of `width` a level.
    pub(super) fn part(&self, width: usize, groups: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let part = |coded: &Coded| {
            let mut own = vec![0.0; coded.values.len() * width];
            for (joint, row) in groups[coded.group].chunks_exact(width).enumerate() {
                let level = coded.level(joint);
                if level < coded.values.len() {
                    for (sum, count) in own[level * width..].iter_mut().zip(row) {
                        *sum += count;
                    }
                }
            }
            own
        };
        self.coded.iter().map(part).collect()
    }

    /// Puts equal respondents together, sorted, so that the order of the rows changes nothing.
    fn group(&mut self, phase: &mut Phase<'_>) -> Result<()> {
        let n = self.weights.len();
        let key = |cell: usize| {
            let bits = self.numbers(cell).iter().map(|number| number.to_bits());
            (
                self.codes(cell),
                self.design_of[cell],
                bits.collect::<Vec<u64>>(),
            )
        };
        let mut first: HashMap<_, u32, foldhash::fast::FixedState> = HashMap::default();
        let mut members: Vec<(usize, f64, f64)> = Vec::new();
        for cell in 0..n {
            if cell % BLOCK == 0 {
                phase.poll()?;
            }
            // The number of rows was checked to fit 32 bits.
            #[allow(clippy::cast_possible_truncation)]
            let index = *first.entry(key(cell)).or_insert(members.len() as u32) as usize;
            if index == members.len() {
                members.push((cell, 0.0, 0.0));
            }
            members[index].1 += self.weights[cell];
            members[index].2 += self.squares[cell];
            if n > FEW && members.len() as f64 > PAYS * n as f64 {
                return Ok(());
            }
        }
        drop(first);
        members.sort_unstable_by(|one, other| key(one.0).cmp(&key(other.0)));
        let codes = members
            .iter()
            .flat_map(|member| self.codes(member.0).to_vec());
        let codes: Vec<u16> = codes.collect();
        let numbers = members
            .iter()
            .flat_map(|member| self.numbers(member.0).to_vec());
        let numbers: Vec<f64> = numbers.collect();
        self.design_of = members
            .iter()
            .map(|member| self.design_of[member.0])
            .collect();
        self.weights = members.iter().map(|member| member.1).collect();
        self.squares = members.iter().map(|member| member.2).collect();
        self.codes = codes;
        self.numbers = numbers;
        self.grouped = true;
        Ok(())
    }
}

/// How the columns of a survey become codes and numbers.
struct Columns {
    coded: Vec<Coded>,
    dense: Vec<Dense>,
    sizes: Vec<usize>,
}

impl Columns {
    fn new(survey: &Survey<'_>, scales: Option<&[Scale]>) -> Result<Self> {
        let mut columns = Self {
            coded: Vec::new(),
            dense: Vec::new(),
            sizes: Vec::new(),
        };
        let most = (survey.len() / 16).min(MOST_JOINT);
        for (question, (asked, answers)) in
            survey.questions().iter().zip(survey.answers()).enumerate()
        {
            let values = match &asked.kind {
                QuestionKind::Nominal { levels } => (0..levels.len()).map(|l| l as f64).collect(),
                QuestionKind::Ordinal { scores, .. } => scores.clone(),
                QuestionKind::Count(_) => distinct(&asked.name, answers)?,
                QuestionKind::Continuous => {
                    let scale = match scales {
                        Some(scales) => scales[columns.dense.len()],
                        None => own_scale(survey, question),
                    };
                    columns.dense.push(Dense { question, scale });
                    continue;
                }
            };
            let missing = (0..survey.len()).any(|row| answers.is_missing(row));
            let radix = values.len() + usize::from(missing);
            let (group, stride) = match columns.sizes.last_mut() {
                Some(size) if *size * radix <= most => {
                    let stride = *size;
                    *size *= radix;
                    (columns.sizes.len() - 1, stride)
                }
                _ => {
                    columns.sizes.push(radix);
                    (columns.sizes.len() - 1, 1)
                }
            };
            columns.coded.push(Coded {
                question,
                values,
                group,
                stride,
                radix,
            });
        }
        Ok(columns)
    }

    fn read(&self, survey: &Survey<'_>, row: usize, codes: &mut Vec<u16>, numbers: &mut Vec<f64>) {
        let start = codes.len();
        codes.resize(start + self.sizes.len(), 0);
        for coded in &self.coded {
            let level = match survey.answers()[coded.question] {
                Answers::Codes(column) => match column[row] {
                    NO_ANSWER => coded.values.len(),
                    code => code.into(),
                },
                Answers::Numbers(column) if column[row].is_nan() => coded.values.len(),
                Answers::Numbers(column) => {
                    coded.values.partition_point(|value| *value < column[row])
                }
            };
            // A group has at most 128 joint answers, or is one question of at most 65,535 levels.
            #[allow(clippy::cast_possible_truncation)]
            let share = (level * coded.stride) as u16;
            codes[start + coded.group] += share;
        }
        for dense in &self.dense {
            if let Answers::Numbers(column) = survey.answers()[dense.question] {
                numbers.push((column[row] - dense.scale.mean) / dense.scale.deviation);
            }
        }
    }

    /// The density of a number is that of its standardised value divided by the deviation.
    fn log_scale(&self, survey: &Survey<'_>) -> f64 {
        let of = |dense: &Dense| {
            let answers = &survey.answers()[dense.question];
            let answered = (0..survey.len()).filter(|row| !answers.is_missing(*row));
            let weight: f64 = answered.map(|row| survey.weight(row)).sum();
            -weight * dense.scale.deviation.ln()
        };
        self.dense.iter().map(of).sum()
    }
}

/// The distinct counts, ascending.
fn distinct(name: &str, answers: &Answers<'_>) -> Result<Vec<f64>> {
    let Answers::Numbers(numbers) = answers else {
        return Ok(Vec::new()); // refused at the survey's door
    };
    let mut values: Vec<f64> = numbers.iter().copied().filter(|x| !x.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    if values.len() >= usize::from(u16::MAX) {
        let reason = "has too many different counts; declare the question continuous";
        return Err(Error::data(name, None, reason));
    }
    Ok(values)
}

fn own_scale(survey: &Survey<'_>, question: usize) -> Scale {
    match survey.answers()[question] {
        Answers::Numbers(column) => scale_of(survey, column),
        Answers::Codes(_) => Scale::NATURAL, // refused at the survey's door
    }
}

/// The weighted mean and deviation of a column.
fn scale_of(survey: &Survey<'_>, column: &[f64]) -> Scale {
    let answered = || (0..column.len()).filter(|row| !column[*row].is_nan());
    let weight: f64 = answered().map(|row| survey.weight(row)).sum();
    let mean = answered()
        .map(|row| survey.weight(row) * column[row])
        .sum::<f64>()
        / weight;
    let squares = answered().map(|row| survey.weight(row) * (column[row] - mean).powi(2));
    let deviation = (squares.sum::<f64>() / weight).sqrt();
    if deviation > 0.0 && deviation.is_finite() {
        Scale { mean, deviation }
    } else {
        // A constant column: the fit refuses it by name.
        Scale {
            mean: if mean.is_finite() { mean } else { 0.0 },
            deviation: 1.0,
        }
    }
}

/// Distinct rows of covariates with the constant in front, and which of them each respondent has.
fn distinct_designs(survey: &Survey<'_>, scales: &[Scale]) -> (Vec<u32>, Vec<f64>) {
    let columns = survey.covariates();
    if columns.is_empty() {
        return (vec![0; survey.len()], vec![1.0]);
    }
    let mut index: HashMap<Vec<u64>, u32, foldhash::fast::FixedState> = HashMap::default();
    let mut designs = Vec::new();
    let of_row = |row: usize| {
        let key = columns
            .iter()
            .map(|(_, values)| (values[row] + 0.0).to_bits())
            .collect();
        // The number of rows was checked to fit 32 bits.
        #[allow(clippy::cast_possible_truncation)]
        let next = index.len() as u32;
        *index.entry(key).or_insert_with(|| {
            designs.push(1.0);
            let scaled = columns.iter().zip(scales);
            designs.extend(scaled.map(|((_, values), scale)| scale.of(values[row])));
            next
        })
    };
    let design_of = (0..survey.len()).map(of_row).collect();
    (design_of, designs)
}
