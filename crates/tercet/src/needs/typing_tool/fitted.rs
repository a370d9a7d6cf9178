//! A typing tool: the chosen questions, how to score their answers, and how well that does.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cross_validation::Validated;
use super::selection::{Battery, Score};
use super::{TypingTool, in_order};
use crate::data::{Question, QuestionKind, Survey};
use crate::error::{Error, Result};
use crate::needs::FittedLatentClass;
use crate::observe::Observer;
use crate::persist::{Parts, Persist, read_part};

/// Golden questions with all that scoring their answers needs: immutable; see [`TypingTool`].
#[derive(Debug, Clone, PartialEq)]
pub struct FittedTypingTool {
    pub(super) settings: TypingTool,
    /// The model of the chosen questions.
    pub(super) model: FittedLatentClass,
    pub(super) accuracy: TypingAccuracy,
    pub(super) note: Value,
}

/// How well few questions tell what all of them tell. Every share is weighted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypingAccuracy {
    /// What asking nothing achieves: the share of the largest segment (by assignment).
    pub majority: f64,
    /// Every size, the smallest first.
    pub sizes: Vec<TypingSize>,
    /// Of the tool's size: a row a segment by all questions, a column a segment by the tool, in numbers of
    /// respondents (sums of weights); of respondents who were left out, where there were folds.
    pub confusion: Vec<Vec<f64>>,
    /// Whether `confusion` is of respondents who were left out.
    pub cross_validated: bool,
}

/// How well so many questions do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypingSize {
    /// The questions, those that are always asked first, then as they were chosen.
    pub questions: Vec<String>,
    /// The mean probability that the questions give the segment by all questions: what the tool itself
    /// expects.
    pub expected_agreement: f64,
    /// The share of respondents whom they assign as all questions do.
    pub agreement: f64,
    /// The same of respondents who had no part in model and choice; `None` without folds.
    pub cross_validated_agreement: Option<f64>,
    /// The standard error of that, as of a share of independent respondents.
    pub standard_error: Option<f64>,
    /// The mean probability of the segment by all questions, of respondents who had no part.
    pub cross_validated_expected: Option<f64>,
    /// In which share of the folds each of the questions was chosen; empty without folds.
    pub chosen_in_folds: Vec<f64>,
}

impl TypingAccuracy {
    pub(super) fn new(
        model: &FittedLatentClass,
        battery: &Battery<'_>,
        sets: &[Vec<usize>],
        scores: &[Score],
        validated: Option<&[Validated]>,
        n_questions: usize,
    ) -> Self {
        let k = model.n_segments();
        let mut assigned = vec![0.0; k];
        for (segment, weight) in battery.targets.iter().zip(battery.weights) {
            assigned[*segment] += weight;
        }
        let total: f64 = assigned.iter().sum();
        let size = |(place, (set, score)): (usize, (&Vec<usize>, &Score))| {
            let left_out = validated.map(|all| &all[place]);
            let agreement = left_out.map(|one| one.score.agreement(k));
            TypingSize {
                questions: set
                    .iter()
                    .map(|at| model.questions()[*at].name.clone())
                    .collect(),
                expected_agreement: score.expected / score.weight,
                agreement: score.agreement(k),
                cross_validated_agreement: agreement,
                standard_error: left_out
                    .zip(agreement)
                    .map(|(one, p)| (p * (1.0 - p) * one.score.squares).sqrt() / one.score.weight),
                cross_validated_expected: left_out.map(|one| one.score.expected / one.score.weight),
                chosen_in_folds: left_out.map_or_else(Vec::new, |one| one.shares_of(set)),
            }
        };
        let place = sets
            .iter()
            .position(|set| set.len() == n_questions)
            .unwrap_or(0);
        let chosen = validated.map_or(&scores[place], |all| &all[place].score);
        Self {
            majority: assigned.iter().copied().fold(0.0, f64::max) / total,
            sizes: sets.iter().zip(scores).enumerate().map(size).collect(),
            confusion: chosen.table.chunks_exact(k).map(<[f64]>::to_vec).collect(),
            cross_validated: validated.is_some(),
        }
    }

    /// The report on so many questions.
    pub fn size(&self, n_questions: usize) -> Option<&TypingSize> {
        self.sizes
            .iter()
            .find(|size| size.questions.len() == n_questions)
    }

    /// By segment: the share of its members (by all questions) whom the tool finds; `None` for a segment
    /// to which nobody belongs.
    pub fn recall(&self) -> Vec<Option<f64>> {
        let share = |(k, row): (usize, &Vec<f64>)| part(row[k], row.iter().sum());
        self.confusion.iter().enumerate().map(share).collect()
    }

    /// By segment: the share of those whom the tool puts into it who belong to it; `None` for a segment
    /// into which it puts nobody.
    pub fn precision(&self) -> Vec<Option<f64>> {
        let share = |k: usize| {
            part(
                self.confusion[k][k],
                self.confusion.iter().map(|row| row[k]).sum(),
            )
        };
        (0..self.confusion.len()).map(share).collect()
    }
}

fn part(of: f64, total: f64) -> Option<f64> {
    (total > 0.0).then(|| of / total)
}

impl FittedTypingTool {
    /// The chosen questions, those that are always asked first, then as they were chosen.
    pub fn questions(&self) -> &[Question] {
        self.model.questions()
    }

    /// How well the tool and other sizes do.
    pub fn accuracy(&self) -> &TypingAccuracy {
        &self.accuracy
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &TypingTool {
        &self.settings
    }

    /// How many segments.
    pub fn n_segments(&self) -> usize {
        self.model.n_segments()
    }

    /// The model of the chosen questions, which scores their answers.
    pub fn model(&self) -> &FittedLatentClass {
        &self.model
    }

    /// What the caller keeps with the tool; null unless something was given.
    pub fn note(&self) -> &Value {
        &self.note
    }

    /// The tool with a note that is saved and loaded with it and not looked at otherwise: the model of
    /// all questions, say.
    #[must_use]
    pub fn with_note(mut self, note: Value) -> Self {
        self.note = note;
        self
    }

    /// The wordings of the chosen questions, as far as they were given.
    pub fn texts(&self) -> &BTreeMap<String, String> {
        &self.settings.texts
    }

    /// Each customer's probability of belonging to each segment, from the chosen questions: row by row, a
    /// column a segment. Other questions of the survey are not looked at; answers may be missing.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a chosen question that the survey lacks, or has with other levels.
    pub fn posterior(&self, survey: &Survey<'_>, observer: &mut dyn Observer) -> Result<Vec<f64>> {
        self.model
            .posterior(&in_order(survey, &self.model)?, observer)
    }

    /// Each customer's most probable segment, from 0; of equally probable ones the larger.
    pub fn segments(&self, survey: &Survey<'_>, observer: &mut dyn Observer) -> Result<Vec<usize>> {
        self.model
            .segments(&in_order(survey, &self.model)?, observer)
    }

    /// The questions as a short text to put before a customer.
    pub fn questionnaire(&self) -> String {
        let mut text = String::new();
        for (place, question) in self.questions().iter().enumerate() {
            let name = &question.name;
            let wording = self.settings.texts.get(name).unwrap_or(name);
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}. {wording}", place + 1);
            match &question.kind {
                QuestionKind::Nominal { levels } | QuestionKind::Ordinal { levels, .. } => {
                    self.write_levels(&mut text, name, levels);
                }
                QuestionKind::Continuous => text.push_str("   ________ (a number)\n"),
                QuestionKind::Count(_) => text.push_str("   ________ (how often: 0, 1, 2, ...)\n"),
            }
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    /// A line a level: its name; where levels are codes that have labels, the code in the box.
    fn write_levels(&self, text: &mut String, name: &str, levels: &[String]) {
        let labels = self.settings.labels.get(name);
        let label = |place: usize| labels.and_then(|labels| labels.get(place));
        let differs = |(place, level): (usize, &String)| label(place).is_some_and(|l| l != level);
        let coded = levels.iter().enumerate().any(differs);
        for (place, level) in levels.iter().enumerate() {
            // Writing to a string does not fail.
            let _ = match label(place).filter(|label| *label != level) {
                Some(label) => writeln!(text, "   [{level}] {label}"),
                None if coded => writeln!(text, "   [{level}]"),
                None => writeln!(text, "   [ ] {level}"),
            };
        }
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaPart {
    questions: Vec<String>,
    #[serde(default)]
    note: Value,
}

#[derive(Serialize, Deserialize)]
struct FittedPart {
    model: Parts,
}

impl Persist for FittedTypingTool {
    const KIND: &'static str = "typing_tool";
    const VERSION: u32 = 1;

    fn to_parts(&self) -> Result<Parts> {
        Parts::new(
            SchemaPart {
                questions: self
                    .questions()
                    .iter()
                    .map(|one| one.name.clone())
                    .collect(),
                note: self.note.clone(),
            },
            &self.settings,
            FittedPart {
                model: self.model.to_parts()?,
            },
            &self.accuracy,
        )
    }

    fn from_parts(parts: Parts) -> Result<Self> {
        let schema: SchemaPart = read_part("schema", parts.schema)?;
        let fitted: FittedPart = read_part("fitted", parts.fitted)?;
        let tool = Self {
            settings: read_part("settings", parts.settings)?,
            model: FittedLatentClass::from_parts(fitted.model)?,
            accuracy: read_part("report", parts.report)?,
            note: schema.note,
        };
        let k = tool.model.n_segments();
        let names = tool.questions().iter().map(|one| &one.name);
        let square = tool.accuracy.confusion.iter().all(|row| row.len() == k);
        if !names.eq(&schema.questions) || tool.accuracy.confusion.len() != k || !square {
            return Err(Error::Corrupt {
                reason: "the typing tool's questions or segments are not those of its model"
                    .to_owned(),
            });
        }
        Ok(tool)
    }
}
