//! What slopes say of a curvature that is not added up anew (Nocedal 1980, Mathematics of Computation 35,
//! 773-782).

use nalgebra::DVector;

use super::quadratic::Quadratic;

/// What has been seen of the curvature since it was added up: steps, and how slopes changed over them.
#[derive(Default)]
pub(super) struct Corrections {
    last: Option<(DVector<f64>, DVector<f64>)>,
    /// A step, the change of the slope, and one over their product.
    pairs: Vec<(DVector<f64>, DVector<f64>, f64)>,
}

impl Corrections {
    /// The step from a point, by the corrected curvature.
    pub(super) fn solve(
        &mut self,
        model: &Quadratic,
        theta: &DVector<f64>,
        slope: &DVector<f64>,
    ) -> DVector<f64> {
        if let Some((from, before)) = self.last.replace((theta.clone(), slope.clone())) {
            let (step, change) = (theta - from, slope - before);
            let product = step.dot(&change);
            // Nothing is learned of a step that rounding has eaten.
            if product > 1e-12 * step.norm() * change.norm() {
                self.pairs.push((step, change, product.recip()));
            }
        }
        let mut slope = slope.clone();
        let mut shares = Vec::with_capacity(self.pairs.len());
        for (step, change, factor) in self.pairs.iter().rev() {
            let share = factor * step.dot(&slope);
            slope.axpy(-share, change, 1.0);
            shares.push(share);
        }
        let mut found = model.solve(&slope);
        for ((step, change, factor), share) in self.pairs.iter().zip(shares.into_iter().rev()) {
            let own = factor * change.dot(&found);
            found.axpy(share - own, step, 1.0);
        }
        found
    }
}
