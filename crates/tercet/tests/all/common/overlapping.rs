//! Segments that overlap, with an outcome that differs between them.

use rand::RngExt;
use rand::distr::Distribution;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use tercet::Estimator;
use tercet::data::{Answers, Question, Survey};
use tercet::needs::{DistalOutcome, LatentClass, Memberships, ThreeStep};

/// Three segments of equal size, six yes/no questions answered as most of the segment do with
/// probability `separation`, and an outcome whose means are -1, 1 and 0 (Bakk, Tekle & Vermunt 2013).
pub(crate) struct Simulated {
    columns: Vec<Vec<u8>>,
    outcome: Vec<f64>,
}

const MEANS: [f64; 3] = [-1.0, 1.0, 0.0];

impl Simulated {
    pub(crate) fn draw(n: usize, separation: f64, random: &mut ChaCha8Rng) -> Self {
        let mut drawn = Self {
            columns: vec![Vec::new(); 6],
            outcome: Vec::new(),
        };
        for _ in 0..n {
            let segment = random.random_range(0..3_usize);
            for (question, column) in drawn.columns.iter_mut().enumerate() {
                let agrees = segment == 0 || (segment == 1 && question < 3);
                let p = if agrees { separation } else { 1.0 - separation };
                column.push(u8::from(random.random::<f64>() < p));
            }
            let noise: f64 = StandardNormal.sample(random);
            drawn.outcome.push(MEANS[segment] + noise);
        }
        drawn
    }

    /// Posteriors of a fitted model, its segments in the order of their size.
    pub(crate) fn posterior(&self, seed: u64) -> Vec<f64> {
        let questions = self.columns.iter().enumerate().map(|(question, column)| {
            let name = format!("q{question}");
            (
                Question::nominal(name, ["no", "yes"]),
                Answers::Codes(column),
            )
        });
        let survey = Survey::new(questions.collect()).unwrap();
        let model = LatentClass::new(3)
            .seed(seed)
            .standard_errors(false)
            .fit(&survey)
            .unwrap();
        model.posterior(&survey, &mut ()).unwrap()
    }

    /// The error of the largest of the three means, whose truth is 1.
    pub(crate) fn error_of_largest(&self, posterior: &[f64], method: ThreeStep) -> f64 {
        let members = Memberships::new(posterior, 3).unwrap();
        let question = Question::continuous("outcome");
        let found = DistalOutcome::new(method)
            .estimate(
                &members,
                &question,
                Answers::Numbers(&self.outcome),
                &mut (),
            )
            .unwrap();
        let means = found.estimates.iter().map(|row| row[0].estimate);
        means.fold(f64::NEG_INFINITY, f64::max) - 1.0
    }
}
