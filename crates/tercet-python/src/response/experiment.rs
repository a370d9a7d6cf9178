//! Experiments.

use pyo3::prelude::*;
use tercet::response::experiment::{
    Arms, Assignment, Balance, Covariate, EffectRow, ExperimentAnalysis, ExperimentData,
    ExperimentDesign, ExperimentResult, Heterogeneity, Membership, Outcome, balance_of,
};

use crate::arrays::{Codes, Column, Flags, Floats, Groups, Table};
use crate::boundary::{self, Progress};
use crate::data::{CustomerIds, Named};
use crate::errors;
use crate::model::known;
use crate::records::{Columns, Record};

/// The column of arms, its values, every row's place among them, and the place of the control.
type ArmColumn<'py> = (String, Vec<String>, Codes<'py>, usize);
/// A column, its numbers, and the quantile that larger ones are drawn in to.
type OutcomeColumn<'py> = (String, Floats<'py>, Option<f64>);

/// A column of segments, their names, and every row's place among them.
type LabelColumn<'py> = (String, Vec<String>, Groups<'py>);

/// The arrays of an experiment, borrowed.
struct ExperimentArrays<'a> {
    arms: Arms<'a>,
    outcomes: Vec<Outcome<'a>>,
    covariates: Vec<Covariate<'a>>,
    memberships: Vec<Membership<'a>>,
    clusters: Option<(String, tercet::data::Ids<'a>)>,
    customers: Option<(String, tercet::data::Ids<'a>)>,
}

impl<'a> ExperimentArrays<'a> {
    fn new(
        arms: &'a ArmColumn<'_>,
        outcomes: &'a [OutcomeColumn<'_>],
        covariates: &'a [Named<'_>],
    ) -> PyResult<Self> {
        let outcome = |(name, values, winsorize): &'a OutcomeColumn<'_>| {
            Ok(Outcome {
                name: name.clone(),
                values: values.values()?,
                winsorize: *winsorize,
            })
        };
        let covariate = |(name, values): &'a Named<'_>| {
            Ok(Covariate {
                name: name.clone(),
                values: values.values()?,
            })
        };
        Ok(Self {
            arms: Arms {
                column: arms.0.clone(),
                names: arms.1.clone(),
                codes: arms.2.values()?,
                control: arms.3,
            },
            outcomes: outcomes.iter().map(outcome).collect::<PyResult<_>>()?,
            covariates: covariates.iter().map(covariate).collect::<PyResult<_>>()?,
            memberships: Vec::new(),
            clusters: None,
            customers: None,
        })
    }

    fn with_segments(
        mut self,
        labels: &'a [LabelColumn<'_>],
        flags: &'a [(String, Flags<'_>)],
    ) -> PyResult<Self> {
        for (column, names, codes) in labels {
            self.memberships.push(Membership::Labels {
                column: column.clone(),
                names: names.clone(),
                codes: codes.values()?,
            });
        }
        for (name, flags) in flags {
            self.memberships.push(Membership::Flags {
                name: name.clone(),
                flags: flags.values()?,
            });
        }
        Ok(self)
    }

    fn with_units(
        mut self,
        clusters: Option<&'a (String, CustomerIds<'_>)>,
        customers: Option<&'a (String, CustomerIds<'_>)>,
    ) -> PyResult<Self> {
        if let Some((column, ids)) = clusters {
            self.clusters = Some((column.clone(), ids.ids()?));
        }
        if let Some((column, ids)) = customers {
            self.customers = Some((column.clone(), ids.ids()?));
        }
        Ok(self)
    }

    /// The checked view.
    fn data(self) -> tercet::Result<ExperimentData<'a>> {
        let mut data = ExperimentData::new(self.arms, self.outcomes)?
            .with_covariates(self.covariates)?
            .with_segments(self.memberships)?;
        if let Some((column, ids)) = self.clusters {
            data = data.with_clusters(column, ids)?;
        }
        if let Some((column, ids)) = self.customers {
            data = data.with_customers(column, ids)?;
        }
        Ok(data)
    }
}

/// Compares every arm of an experiment with the control.
///
/// `settings` has `level`, `standard_errors`, `target`, `adjust`, `family`, `missing`, `sequential` (None or
/// the customers planned), `shares` (None or a number an arm) and `ratio_level`. Returns `rows` and
/// `heterogeneity` (columns), `cautions` (a text or None a row), `segments`, `outcomes`, `covariates`,
/// `sample_ratio`, `n_rows`, `n_clusters`, `n_unadjusted`, `warnings` and `verdict`.
#[pyfunction]
#[pyo3(signature = (
    arms, outcomes, covariates, labels, flags, clusters, customers, *, settings, n_jobs=None, progress=None,
))]
pub(crate) fn analyze_experiment<'py>(
    py: Python<'py>,
    arms: ArmColumn<'_>,
    outcomes: Vec<OutcomeColumn<'_>>,
    covariates: Vec<Named<'_>>,
    labels: Vec<LabelColumn<'_>>,
    flags: Vec<(String, Flags<'_>)>,
    clusters: Option<(String, CustomerIds<'_>)>,
    customers: Option<(String, CustomerIds<'_>)>,
    settings: Record<'_>,
    n_jobs: Option<i64>,
    progress: Option<Progress>,
) -> PyResult<Record<'py>> {
    let analysis = analysis(&settings)?;
    let arrays = ExperimentArrays::new(&arms, &outcomes, &covariates)?
        .with_segments(&labels, &flags)?
        .with_units(clusters.as_ref(), customers.as_ref())?;
    let found = boundary::run(py, n_jobs, progress, |observer| {
        analysis.analyze(&arrays.data()?, observer)
    })?;
    record(py, &found)
}

fn analysis(settings: &Record<'_>) -> PyResult<ExperimentAnalysis> {
    let word = |name: &str| settings.read::<String>(name);
    let mut analysis = ExperimentAnalysis::new()
        .level(settings.read("level")?)
        .robust(errors::parsed(&word("standard_errors")?)?)
        .target(errors::parsed(&word("target")?)?)
        .adjustment(
            errors::parsed(&word("adjust")?)?,
            errors::parsed(&word("family")?)?,
        )
        .missing(errors::parsed(&word("missing")?)?)
        .ratio_level(settings.read("ratio_level")?);
    if let Some(planned) = settings.read::<Option<f64>>("sequential")? {
        analysis = analysis.sequential(planned);
    }
    if let Some(shares) = settings.read::<Option<Vec<f64>>>("shares")? {
        analysis = analysis.shares(shares);
    }
    Ok(analysis)
}

fn record<'py>(py: Python<'py>, found: &ExperimentResult) -> PyResult<Record<'py>> {
    let cautions: Vec<Option<&str>> = found
        .rows
        .iter()
        .map(|row| {
            row.caution
                .map(tercet::response::experiment::Caution::words)
        })
        .collect();
    Record::new(py)
        .with("rows", rows(py, &found.rows)?)?
        .with("cautions", cautions)?
        .with("heterogeneity", heterogeneity(py, &found.heterogeneity)?)?
        .with("segments", found.segments.clone())?
        .with("families", found.families.clone())?
        .with("outcomes", outcomes(py, found)?)?
        .with("covariates", covariates(py, found)?)?
        .with("sample_ratio", sample_ratio(py, found)?)?
        .with("n_rows", found.n_rows)?
        .with("n_clusters", found.n_clusters)?
        .with("n_unadjusted", found.n_unadjusted)?
        .with("warnings", found.warnings.clone())?
        .with("verdict", found.verdict.clone())
}

/// Places and counts, which are far below 2^63.
fn whole(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn end(ends: Option<[f64; 2]>, which: usize) -> f64 {
    ends.map_or(f64::NAN, |ends| ends[which])
}

fn rows<'py>(py: Python<'py>, rows: &[EffectRow]) -> PyResult<Columns<'py>> {
    let count = |of: fn(&EffectRow) -> usize| rows.iter().map(|row| whole(of(row))).collect();
    let number = |of: fn(&EffectRow) -> f64| rows.iter().map(of).collect();
    Columns::new(py)
        .with::<i64>("arm", count(|row| row.arm))?
        .with::<i64>("outcome", count(|row| row.outcome))?
        .with::<i64>("segment", count(|row| row.segment))?
        .with::<i64>("n", count(|row| row.n))?
        .with::<i64>("n_control", count(|row| row.n_control))?
        .with::<f64>("mean", number(|row| row.mean))?
        .with::<f64>("mean_control", number(|row| row.mean_control))?
        .with::<f64>("effect", number(|row| row.effect))?
        .with::<f64>("standard_error", number(|row| known(row.standard_error)))?
        .with::<f64>("lower", number(|row| end(row.ends, 0)))?
        .with::<f64>("upper", number(|row| end(row.ends, 1)))?
        .with::<f64>("lift", number(|row| known(row.lift)))?
        .with::<f64>("lift_lower", number(|row| end(row.lift_ends, 0)))?
        .with::<f64>("lift_upper", number(|row| end(row.lift_ends, 1)))?
        .with::<f64>("p", number(|row| known(row.p)))?
        .with::<f64>("p_adjusted", number(|row| known(row.p_adjusted)))?
        .with::<f64>("effect_shrunken", number(|row| row.effect_shrunken))?
        .with::<f64>("shrunken_lower", number(|row| end(row.shrunken_ends, 0)))?
        .with::<f64>("shrunken_upper", number(|row| end(row.shrunken_ends, 1)))?
        .with::<f64>(
            "variance_reduction",
            number(|row| known(row.variance_reduction)),
        )
}

fn heterogeneity<'py>(py: Python<'py>, found: &[Heterogeneity]) -> PyResult<Columns<'py>> {
    let count = |of: fn(&Heterogeneity) -> usize| found.iter().map(|one| whole(of(one))).collect();
    let number = |of: fn(&Heterogeneity) -> f64| found.iter().map(of).collect();
    Columns::new(py)
        .with::<i64>("arm", count(|one| one.arm))?
        .with::<i64>("outcome", count(|one| one.outcome))?
        .with::<i64>("family", count(|one| one.family))?
        .with::<i64>("segments", count(|one| one.segments))?
        .with::<f64>("mean", number(|one| one.mean))?
        .with::<f64>("mean_lower", number(|one| one.mean_ends[0]))?
        .with::<f64>("mean_upper", number(|one| one.mean_ends[1]))?
        .with::<f64>("tau", number(|one| one.tau))?
        .with::<f64>("tau_lower", number(|one| one.tau_ends[0]))?
        .with::<f64>("tau_upper", number(|one| one.tau_ends[1]))?
        .with::<f64>("f", number(|one| one.f))?
        .with::<f64>("p", number(|one| one.p))?
        .with::<f64>("p_adjusted", number(|one| one.p_adjusted))
}

fn outcomes<'py>(py: Python<'py>, found: &ExperimentResult) -> PyResult<Record<'py>> {
    let notes = &found.outcomes;
    let missing: Vec<f64> = notes
        .iter()
        .flat_map(|note| note.n_missing.iter().map(|n| *n as f64))
        .collect();
    Record::new(py)
        .with(
            "binary",
            Column::new(py, notes.iter().map(|note| note.binary).collect()),
        )?
        .with(
            "cap",
            Column::new(py, notes.iter().map(|note| known(note.cap)).collect()),
        )?
        .with(
            "n_capped",
            Column::counts(py, notes.iter().map(|note| note.n_capped)),
        )?
        .with("n_missing", Table::wide(py, missing, found.arms.len())?)?
        .with(
            "missing_p",
            Column::new(py, notes.iter().map(|note| known(note.missing_p)).collect()),
        )
}

fn covariates<'py>(py: Python<'py>, found: &ExperimentResult) -> PyResult<Record<'py>> {
    let readings = &found.covariates;
    let names: Vec<&str> = readings.iter().map(|one| one.name.as_str()).collect();
    Record::new(py).with("name", names)?.with(
        "p",
        Column::new(py, readings.iter().map(|one| known(one.p)).collect()),
    )
}

fn sample_ratio<'py>(py: Python<'py>, found: &ExperimentResult) -> PyResult<Record<'py>> {
    let ratios = &found.sample_ratio;
    let number = |of: fn(&tercet::response::experiment::SampleRatio) -> f64| {
        Column::new(py, ratios.iter().map(of).collect::<Vec<f64>>())
    };
    let counts: Vec<f64> = ratios
        .iter()
        .flat_map(|one| one.counts.iter().map(|n| *n as f64))
        .collect();
    let expected = ratios.iter().flat_map(|one| one.expected.clone()).collect();
    let arms = found.arms.len();
    Record::new(py)
        .with("counts", Table::wide(py, counts, arms)?)?
        .with("expected", Table::wide(py, expected, arms)?)?
        .with("chi_squared", number(|one| one.chi_squared))?
        .with("p", number(|one| known(one.p)))?
        .with("p_adjusted", number(|one| known(one.p_adjusted)))
}

/// What an experiment of some size can show, row by row.
///
/// `rows` are segments by arms: the share of all customers, the shares of the arm and the control among
/// them, the baseline, the deviation (NaN of a rate) and the number of comparisons. `settings` has `level`,
/// `power`, `variance_reduction`, `sequential`, `n` (None or a number), `effect` (None or a difference) and
/// `lift` (None or a share of the baseline). Returns `customers` that the effect takes, and with the rows'
/// `n` of all customers: `n`, `n_control`, `detectable` and `power` (NaN where there is none).
#[pyfunction]
#[pyo3(signature = (rows, n, *, settings))]
pub(crate) fn plan_experiment<'py>(
    py: Python<'py>,
    rows: Vec<[f64; 6]>,
    n: Option<f64>,
    settings: Record<'_>,
) -> PyResult<Record<'py>> {
    let (level, power) = (settings.read("level")?, settings.read("power")?);
    let reduction = settings.read("variance_reduction")?;
    let sequential = settings.read("sequential")?;
    let effect: Option<f64> = settings.read("effect")?;
    let lift: Option<f64> = settings.read("lift")?;
    let found = boundary::brief(py, || {
        let mut columns: [Vec<f64>; 3] = [Vec::new(), Vec::new(), Vec::new()];
        for [share, arm, control, mean, deviation, comparisons] in rows {
            let design = if deviation.is_nan() {
                ExperimentDesign::binary(mean)
            } else {
                ExperimentDesign::continuous(mean, deviation)
            };
            // A whole number that Python counted.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let design = design
                .shares(arm, control)
                .level(level, power)
                .comparisons(comparisons as usize)
                .variance_reduction(reduction)
                .sequential(sequential);
            design.check()?;
            let effect = effect.or(lift.map(|lift| lift * mean));
            let customers = effect.map(|effect| design.customers(effect)).transpose()?;
            columns[0].push(known(customers) / share);
            let own = n.map(|n| n * share);
            let detectable = own.map(|n| design.detectable(n)).transpose()?.flatten();
            columns[1].push(known(detectable));
            let found = match (own, effect) {
                (Some(n), Some(effect)) => Some(design.power(n, effect)?),
                _ => None,
            };
            columns[2].push(known(found));
        }
        Ok(columns)
    })?;
    let [customers, detectable, power] = found;
    Record::new(py)
        .with("customers", Column::new(py, customers))?
        .with("detectable", Column::new(py, detectable))?
        .with("power", Column::new(py, power))
}

/// Every customer's arm, by the arms' shares within strata.
#[pyfunction]
#[pyo3(signature = (customer, column, strata, shares, seed, n_jobs=None))]
pub(crate) fn assign_arms(
    py: Python<'_>,
    customer: CustomerIds<'_>,
    column: &str,
    strata: Option<Groups<'_>>,
    shares: Vec<f64>,
    seed: u64,
    n_jobs: Option<i64>,
) -> PyResult<Column<u16>> {
    let ids = customer.ids()?;
    let strata = strata.as_ref().map(Groups::values).transpose()?;
    let arms = boundary::run(py, n_jobs, None, |observer| {
        Assignment::new(shares, seed)?.assign(column, ids, strata, observer)
    })?;
    Ok(Column::new(py, arms))
}

/// The mean of each covariate by arm: columns `n`, `mean` and `difference` from the first arm in standard
/// deviations, covariate by covariate and arm by arm.
#[pyfunction]
#[pyo3(signature = (covariates, arms, n_arms))]
pub(crate) fn balance_of_arms<'py>(
    py: Python<'py>,
    covariates: Vec<Named<'_>>,
    arms: Codes<'_>,
    n_arms: usize,
) -> PyResult<Columns<'py>> {
    let mut found: Vec<Balance> = Vec::new();
    for (name, values) in &covariates {
        let (values, arms) = (values.values()?, arms.values()?);
        found.extend(boundary::brief(py, || {
            balance_of(name, values, arms, n_arms)
        })?);
    }
    Columns::new(py)
        .with::<i64>("n", found.iter().map(|one| whole(one.n)).collect())?
        .with::<f64>("mean", found.iter().map(|one| one.mean).collect())?
        .with::<f64>(
            "difference",
            found.iter().map(|one| one.difference).collect(),
        )
}
