//! What the cross-validation means, in words.

use super::ProjectionQuality;

/// A gain within this many of its standard errors is no evidence.
const EVIDENCE: f64 = 2.0;

/// Below this area under the ROC curve, a ranking is of little use.
const WEAK: f64 = 0.6;

/// From this on it is a good one.
const STRONG: f64 = 0.75;

impl ProjectionQuality {
    /// Whether attributes predict respondents left out better than the shares alone do.
    pub fn is_informative(&self) -> bool {
        self.log_likelihood_gain > EVIDENCE * self.log_likelihood_gain_error
    }

    /// What the numbers mean, in a few sentences for a report.
    pub fn verdict(&self) -> String {
        if self.is_informative() {
            self.informative_verdict()
        } else {
            self.null_verdict()
        }
    }

    fn null_verdict(&self) -> String {
        format!(
            "These attributes do not tell the segments apart: for respondents left out of the fit they win {:.4} (standard error {:.4}) of log-likelihood over the segments' sizes alone, which is nothing that chance could not. Every customer gets about the sizes as probabilities, which is honest but selects nobody. Ask customers a few questions of the survey (a typing tool), or find attributes closer to the needs.",
            self.log_likelihood_gain, self.log_likelihood_gain_error
        )
    }

    fn informative_verdict(&self) -> String {
        let strength = match self.mean_auc {
            auc if auc >= STRONG => "well",
            auc if auc >= WEAK => "moderately",
            _ => "weakly",
        };
        let mut words = vec![format!(
            "These attributes tell the segments apart {strength}: for respondents left out of the fit they name the right segment in {} of cases, against {} for naming the largest and {} for the questionnaire itself; ranked by probability, members come before others in {} of pairs (50% is chance).",
            percent(self.expected_accuracy),
            percent(self.expected_accuracy_largest),
            percent(self.expected_accuracy_ceiling),
            percent(self.mean_auc),
        )];
        if self.expected_accuracy < self.expected_accuracy_largest + 0.005 {
            words.push(
                "Naming one segment a customer gains nothing over naming the largest; what is gained lies in the ranking."
                    .to_owned(),
            );
        }
        let lost: Vec<String> = (1..)
            .zip(&self.auc)
            .filter(|(_, auc)| **auc < 0.55)
            .map(|(segment, _)| segment.to_string())
            .collect();
        match lost.as_slice() {
            [] => {}
            [one] => words.push(format!("Members of segment {one} cannot be found by them.")),
            [most @ .., last] => words.push(format!(
                "Members of segments {} and {last} cannot be found by them.",
                most.join(", ")
            )),
        }
        if self.share_error_by_mode > self.share_error_by_probability + 0.02 {
            words.push(format!(
                "Add up probabilities: counting each customer in the most probable segment would put {} of customers, on balance, in a wrong one.",
                percent(self.share_error_by_mode)
            ));
        }
        words.join(" ")
    }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", 100.0 * share)
}
