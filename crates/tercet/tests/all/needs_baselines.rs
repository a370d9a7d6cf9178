//! K-means and Gaussian mixtures: against scikit-learn, and what must hold whatever the data.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tercet::data::{Answers, CountFamily, NO_ANSWER, Question, Survey};
use tercet::needs::{
    FittedGaussianMixtureSegments, FittedKMeansSegments, GaussianMixtureSegments, KMeansSegments,
};
use tercet::persist::kind_of;
use tercet::{Error, Estimator, Fitted, Persist};

/// A linear congruential generator (Numerical Recipes), so that any program can draw the same points.
struct Draw(u32);

impl Draw {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0) / 2.0_f64.powi(32)
    }

    /// Nearly normal.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Three overlapping segments in the ratio 3 : 2 : 1, each of another shape; a column a question.
fn points(n: usize, seed: u32) -> Vec<Vec<f64>> {
    let mut draw = Draw(seed);
    let mut columns = vec![Vec::new(); 3];
    for row in 0..n {
        let [a, b, c] = [draw.normal(), draw.normal(), draw.normal()];
        let point = match row % 6 {
            0..=2 => [a, 2.0 + 0.5 * b, 10.0 * (a + 0.5 * c)],
            3 | 4 => [3.0 + 0.5 * a, b, 20.0 + 10.0 * c],
            _ => [a, -3.0 + 2.0 * b, 30.0 + 5.0 * (c - b)],
        };
        for (column, x) in columns.iter_mut().zip(point) {
            column.push(x);
        }
    }
    columns
}

fn survey(columns: &[Vec<f64>]) -> Survey<'_> {
    let question = |(place, column)| {
        (
            Question::continuous(format!("x{place}")),
            Answers::Numbers(column),
        )
    };
    let columns = columns.iter().map(Vec::as_slice).enumerate();
    Survey::new(columns.map(question).collect()).unwrap()
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let near = (found - expected).abs() <= tolerance * (1.0 + expected.abs());
        assert!(near, "{found} instead of {expected}");
    }
}

/// scikit-learn 1.9.1, standardised points: `KMeans(3, n_init=100, tol=0)`.
#[test]
fn k_means_is_that_of_scikit_learn() {
    let columns = points(240, 1);
    let model = KMeansSegments::new(3)
        .seed(1)
        .fit(&survey(&columns))
        .unwrap();
    close(
        &[model.within_squares().iter().sum()],
        &[184.158_482_992_064_06],
        1e-10,
    );
    assert_eq!(model.total_squares().round(), 720.0);
    close(
        model.shares(),
        &[103.0 / 240.0, 100.0 / 240.0, 37.0 / 240.0],
        1e-12,
    );
    let centers = [
        [
            -0.422_623_674_986_540_3,
            2.035_212_907_284_606_6,
            -3.869_477_461_309_182_7,
        ],
        [
            2.607_881_371_376_570_7,
            0.246_535_754_604_265_16,
            19.590_055_223_088_71,
        ],
        [
            0.250_744_142_135_403_97,
            -3.906_109_983_365_780_6,
            32.863_346_325_057_385,
        ],
    ];
    close(&model.centers().concat(), &centers.concat(), 1e-10);
    assert!(model.report().converged && model.starts_at_best() > 5);
}

/// scikit-learn 1.9.1, standardised points: `GaussianMixture(3, n_init=100, tol=1e-12, max_iter=100000)`,
/// with the same 1e-6 added to every variance.
#[test]
fn the_gaussian_mixture_is_that_of_scikit_learn() {
    let columns = points(240, 1);
    let survey = survey(&columns);
    let model = GaussianMixtureSegments::new(3)
        .seed(1)
        .tolerance(1e-10)
        .fit(&survey)
        .unwrap();
    let value = model.report().log_likelihood.unwrap();
    close(&[value], &[-1_574.786_301_587_834_5], 1e-7);
    close(
        &[model.log_likelihood(&survey, &mut ()).unwrap()],
        &[value],
        1e-12,
    );
    let shares = [
        0.499_321_861_290_306_87,
        0.327_795_434_701_457_1,
        0.172_882_704_008_236_13,
    ];
    close(model.shares(), &shares, 1e-4);
    let means = [
        [
            -0.129_102_419_911_490_4,
            2.031_311_004_388_015,
            -1.118_545_181_320_19,
        ],
        [
            2.937_261_754_946_613_6,
            -0.113_786_638_759_983_13,
            20.418_035_916_576_166,
        ],
        [
            0.263_417_326_089_588_1,
            -3.487_928_070_200_148,
            31.431_021_155_511_132,
        ],
    ];
    close(&model.means().concat(), &means.concat(), 1e-3);
    let covariance = [
        [
            1.033_668_322_904_347_3,
            -0.013_354_934_017_164_222,
            10.439_945_026_470_66,
        ],
        [
            -0.013_354_934_017_164_222,
            0.242_733_045_326_617_16,
            0.078_118_191_661_412_86,
        ],
        [
            10.439_945_026_470_66,
            0.078_118_191_661_412_87,
            131.837_949_539_024_78,
        ],
    ];
    close(&model.covariances()[0].concat(), &covariance.concat(), 1e-3);
    assert_eq!(model.report().n_parameters, 29);
    assert!(model.report().how_it_ended.starts_with("converged from"));
    let posterior = model.posterior(&survey, &mut ()).unwrap();
    for row in posterior.chunks_exact(3) {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
    // The shares are the mean posteriors at a maximum.
    for (k, share) in model.shares().iter().enumerate() {
        let mean = posterior.iter().skip(k).step_by(3).sum::<f64>() / 240.0;
        assert!((mean - share).abs() < 1e-5, "{mean} {share}");
    }
}

#[test]
fn far_away_points_have_a_segment() {
    let columns = points(240, 1);
    let model = GaussianMixtureSegments::new(3)
        .seed(1)
        .fit(&survey(&columns))
        .unwrap();
    let far = [vec![1e6, -1e6], vec![0.0, 1e9], vec![1e7, -1e3]];
    let posterior = model.posterior(&survey(&far), &mut ()).unwrap();
    for row in posterior.chunks_exact(3) {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{row:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(8) })]

    #[test]
    fn units_and_the_order_of_rows_are_nothing(seed in 1_u32..10_000, unit in -4.0..4.0_f64) {
        let columns = points(180, seed);
        let unit = 10.0_f64.powf(unit);
        let mut other = columns.clone();
        for x in &mut other[1] {
            *x = unit * (*x + 5.0);
        }
        for column in &mut other {
            column.reverse();
        }
        let (here, there) = (survey(&columns), survey(&other));
        // Enough starts for the least sum of squares to be found from either order.
        let settings = KMeansSegments::new(3).seed(2).starts(60);
        let (one, two) = (settings.fit(&here).unwrap(), settings.fit(&there).unwrap());
        let squares = |model: &FittedKMeansSegments| model.within_squares().iter().sum::<f64>();
        prop_assert!((squares(&one) / squares(&two) - 1.0).abs() < 1e-9);
        prop_assert!(squares(&one) <= one.total_squares());
        let back: Vec<usize> = two.segments(&there, &mut ()).unwrap().into_iter().rev().collect();
        let segments = one.segments(&here, &mut ()).unwrap();
        for segment in 0..3 {
            let of = |all: &[usize]| all.iter().filter(|one| **one == segment).count();
            prop_assert_eq!(of(&segments), of(&back));
            prop_assert!((of(&segments) as f64 / 180.0 - one.shares()[segment]).abs() < 1e-12);
        }
        prop_assert!(one.shares().is_sorted_by(|a, b| a >= b));

        let settings = GaussianMixtureSegments::new(3).seed(2);
        let (one, two) = (settings.fit(&here).unwrap(), settings.fit(&there).unwrap());
        let value = |model: &FittedGaussianMixtureSegments| model.report().log_likelihood.unwrap();
        // The density of a number in other units, and another end of the starts.
        prop_assert!((value(&one) - value(&two) - 180.0 * unit.ln()).abs() < 3.0, "{} {}", value(&one), value(&two));
        prop_assert!(one.shares().is_sorted_by(|a, b| a >= b));
    }
}

#[test]
fn the_same_seed_gives_the_same_on_any_number_of_threads() {
    let columns = points(5_000, 3);
    let survey = survey(&columns);
    let pool = |n| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .unwrap()
    };
    let k_means = |n| pool(n).install(|| KMeansSegments::new(4).seed(5).fit(&survey).unwrap());
    assert_eq!(k_means(1), k_means(3));
    let gaussian = |n| {
        let settings = GaussianMixtureSegments::new(2).seed(5).starts(4);
        pool(n).install(|| settings.fit(&survey).unwrap())
    };
    assert_eq!(gaussian(1), gaussian(3));
}

#[test]
fn questions_with_levels_are_points_where_they_can_be() {
    let draw = |seed: u32, most: u32| -> Vec<u8> {
        let mut draw = Draw(seed);
        (0..120)
            .map(|i| u8::try_from((i % 2) * (most / 2) + u32::from(draw.uniform() < 0.4)).unwrap())
            .collect()
    };
    let (yes, agree) = (draw(1, 0), draw(2, 4));
    let counts: Vec<f64> = (0..120).map(|i| f64::from(i % 2 * 3)).collect();
    let mut columns = vec![
        (
            Question::nominal("yes", ["no", "yes"]),
            Answers::Codes(&yes),
        ),
        (
            Question::ordinal("agree", ["1", "2", "3", "4"]),
            Answers::Codes(&agree),
        ),
        (
            Question::count("n", CountFamily::Poisson),
            Answers::Numbers(&counts),
        ),
    ];
    let whole = Survey::new(columns.clone()).unwrap();
    let model = KMeansSegments::new(2)
        .standardize(false)
        .fit(&whole)
        .unwrap();
    assert_eq!(model.shares(), [0.5, 0.5]);
    let high = usize::from(model.centers()[1][2] > 1.5);
    assert_eq!(model.centers()[high][2], 3.0);
    let ones = model.posterior(&whole, &mut ()).unwrap();
    assert!(ones.iter().all(|p| *p == 0.0 || *p == 1.0));
    assert_eq!(model.parameters(0.95).unwrap().len(), 2 + 6);
    // Others of the survey are not looked at, and those of the model must be there.
    columns.push((
        Question::nominal("colour", ["a", "b", "c", "d"]),
        Answers::Codes(&agree),
    ));
    columns.rotate_right(1);
    let segments = |columns: Vec<_>| {
        let columns: Vec<(Question, Answers<'_>)> = columns;
        model
            .segments(&Survey::new(columns).unwrap(), &mut ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        segments(columns.clone()),
        Ok(model.segments(&whole, &mut ()).unwrap())
    );
    let error = segments(columns[..2].to_vec()).unwrap_err();
    assert!(error.starts_with("column 'agree':"), "{error}");
    columns[1].0 = Question::nominal("yes", ["nein", "ja"]);
    assert!(
        segments(columns)
            .unwrap_err()
            .contains("in the model nominal with levels")
    );
}

#[test]
fn what_has_no_distance_is_refused_with_the_remedy() {
    let words = |survey: &Survey<'_>| {
        let one = KMeansSegments::new(2).fit(survey).unwrap_err().to_string();
        let other = GaussianMixtureSegments::new(2)
            .fit(survey)
            .unwrap_err()
            .to_string();
        assert!(
            one.contains("LatentClass") == other.contains("LatentClass"),
            "{one} {other}"
        );
        one
    };
    let columns = points(30, 4);
    let good = survey(&columns);
    let weights = [1.0; 30];
    let weighted = good.clone().with_weights("w", &weights).unwrap();
    assert!(
        words(&weighted)
            .starts_with("weights = given: expected none: k-means takes no weights; LatentClass")
    );
    let age = good
        .clone()
        .with_covariates(vec![("age".to_owned(), &columns[0])])
        .unwrap();
    assert!(words(&age).contains("takes no covariates"));
    let mut gap = columns.clone();
    gap[1][7] = f64::NAN;
    let missing = words(&survey(&gap));
    assert!(
        missing.starts_with("column 'x1', row 7: is missing") && missing.contains("LatentClass"),
        "{missing}"
    );
    let model = KMeansSegments::new(2).fit(&good).unwrap();
    assert!(model.segments(&survey(&gap), &mut ()).is_err());
    let codes: Vec<u8> = (0..30)
        .map(|i| if i == 3 { NO_ANSWER } else { i % 3 })
        .collect();
    let colour = (
        Question::nominal("colour", ["a", "b", "c"]),
        Answers::Codes(&codes),
    );
    assert!(
        words(&Survey::new(vec![colour]).unwrap()).starts_with("column 'colour': has 3 levels")
    );
    let same = [2.5; 30];
    let alike = Survey::new(vec![(
        Question::continuous("same"),
        Answers::Numbers(&same),
    )])
    .unwrap();
    assert!(words(&alike).starts_with("column 'same': was answered alike"));
    assert!(KMeansSegments::new(31).fit(&good).is_err());
    assert!(KMeansSegments::new(2).starts(0).fit(&good).is_err());
    assert!(
        GaussianMixtureSegments::new(2)
            .regularization(-1.0)
            .fit(&good)
            .is_err()
    );
    let twice: Vec<f64> = (0..30).map(|i| f64::from(i % 2)).collect();
    let two = Survey::new(vec![(
        Question::continuous("two"),
        Answers::Numbers(&twice),
    )])
    .unwrap();
    let error = KMeansSegments::new(3).fit(&two).unwrap_err().to_string();
    assert!(
        error.contains("not so many different respondents"),
        "{error}"
    );
    let error = GaussianMixtureSegments::new(2)
        .max_iterations(1)
        .fit(&good)
        .unwrap_err()
        .to_string();
    assert!(error.contains("did not converge"), "{error}");
    let mut stop = |_: &tercet::Step| std::ops::ControlFlow::Break(());
    let stopped = KMeansSegments::new(2).fit_observed(&good, &mut stop);
    assert!(matches!(stopped, Err(Error::Interrupted { .. })));
    let stopped = GaussianMixtureSegments::new(2).fit_observed(&good, &mut stop);
    assert!(matches!(stopped, Err(Error::Interrupted { .. })));
}

#[test]
fn saved_segments_score_the_same() {
    let columns = points(120, 6);
    let survey = survey(&columns);
    let k_means = KMeansSegments::new(3).fit(&survey).unwrap();
    let text = k_means.to_json().unwrap();
    assert_eq!(kind_of(&text).unwrap(), "k_means");
    let copy = FittedKMeansSegments::from_json(&text).unwrap();
    assert_eq!(copy, k_means);
    let gaussian = GaussianMixtureSegments::new(2).fit(&survey).unwrap();
    let text = gaussian.to_json().unwrap();
    assert_eq!(kind_of(&text).unwrap(), "gaussian_mixture");
    let copy = FittedGaussianMixtureSegments::from_json(&text).unwrap();
    assert_eq!(copy, gaussian);
    let scores = |model: &FittedGaussianMixtureSegments| model.posterior(&survey, &mut ()).unwrap();
    assert_eq!(scores(&copy), scores(&gaussian));
    let fewer = text.replacen("\"means\": [", "\"means\": [[0.0], ", 1);
    assert!(FittedGaussianMixtureSegments::from_json(&fewer).is_err());
    assert!(FittedKMeansSegments::from_json(&text).is_err());
}
