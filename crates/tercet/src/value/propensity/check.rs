//! What settings of a propensity go together, and with what data.

use super::{
    Features, Outcome, Penalty, Propensity, PropensityData, Solver, StandardErrors, Strength,
    multinomial, with_linfa,
};
use crate::data::{Design, Feature};
use crate::error::{Error, Result};

impl Propensity {
    pub(super) fn check(&self, data: &PropensityData<'_>) -> Result<()> {
        if let Strength::Fixed(strength) = self.strength
            && !(strength >= 0.0 && strength.is_finite())
        {
            let expected = "a number of at least 0, or cross-validation";
            return Err(Error::parameter("strength", strength, expected));
        }
        if let Penalty::ElasticNet { l1_ratio } = self.penalty {
            if !(0.0..=1.0).contains(&l1_ratio) {
                return Err(Error::parameter(
                    "l1_ratio",
                    l1_ratio,
                    "a number from 0 to 1",
                ));
            }
            if self.strength == Strength::Estimated {
                let expected = "\"cv\" or a number under the elastic net";
                return Err(Error::parameter("strength", "\"estimated\"", expected));
            }
        }
        if self.solver == Solver::Linfa {
            with_linfa::check(self, data)?;
        }
        if data.n_classes() > 2 || matches!(data.outcome(), Outcome::Classes { .. }) {
            multinomial::check(self)?;
        }
        match self.features {
            Features::Bins { bins } if bins < 2 => {
                return Err(Error::parameter("bins", bins, "at least 2"));
            }
            Features::Spline { intervals: Some(n) } if !(1..=500).contains(&n) => {
                return Err(Error::parameter("intervals", n, "a number from 1 to 500"));
            }
            _ => {}
        }
        if self.folds < 2 {
            return Err(Error::parameter("folds", self.folds, "at least 2"));
        }
        for (name, value) in [
            ("min_level_count", self.min_level_count),
            ("max_iterations", self.max_iterations),
        ] {
            if value == 0 {
                return Err(Error::parameter(name, 0, "at least 1"));
            }
        }
        if !(self.tolerance > 0.0 && self.tolerance < 1.0) {
            let expected = "a small positive share, such as 1e-9";
            return Err(Error::parameter("tolerance", self.tolerance, expected));
        }
        if self.standard_errors == StandardErrors::Cluster && data.groups().is_none() {
            let expected = "groups in the data, which say what rows belong together";
            return Err(Error::parameter("standard_errors", "\"cluster\"", expected));
        }
        Ok(())
    }

    pub(super) fn check_ordered(&self, design: &Design<'_>) -> Result<()> {
        for name in &self.ordered {
            match design.feature(name) {
                Some(Feature::Levels { .. }) => {}
                Some(_) => {
                    let expected = "names of categories; numbers are in order by themselves";
                    return Err(Error::parameter("ordered", format!("'{name}'"), expected));
                }
                None => {
                    let expected = format!("names among {:?}", design.names());
                    return Err(Error::parameter("ordered", format!("'{name}'"), expected));
                }
            }
        }
        Ok(())
    }
}
