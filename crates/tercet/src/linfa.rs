//! tercet's views as linfa datasets.

use linfa::Dataset;
use ndarray::{Array1, Array2, Ix1};

use crate::data::Purchases;

/// Features frequency, recency, T and (where given) monetary value, weights as weights, without a
/// target: what linfa's clustering takes, and what its classifiers take after `with_targets`.
///
/// ```
/// use linfa::DatasetBase;
/// use tercet::data::Purchases;
///
/// let purchases = Purchases::new(&[2.0, 0.0], &[30.43, 0.0], &[38.86, 38.86])?;
/// let dataset = linfa::Dataset::<f64, (), _>::from(&purchases);
/// assert_eq!(dataset.records().dim(), (2, 3));
/// assert_eq!(dataset.feature_names(), ["frequency", "recency", "T"]);
/// # Ok::<(), tercet::Error>(())
/// ```
impl From<&Purchases<'_>> for Dataset<f64, (), Ix1> {
    fn from(purchases: &Purchases<'_>) -> Self {
        let names = purchases.columns();
        let mut columns = vec![
            (&names.frequency, purchases.frequency()),
            (&names.recency, purchases.recency()),
            (&names.age, purchases.age()),
        ];
        if let Some(values) = purchases.monetary_value() {
            columns.push((&names.monetary_value, values));
        }
        let records = Array2::from_shape_fn((purchases.len(), columns.len()), |(row, column)| {
            columns[column].1[row]
        });
        let dataset = Dataset::new(records, Array1::from_elem(purchases.len(), ()))
            .with_feature_names(columns.iter().map(|(name, _)| (*name).clone()).collect());
        match purchases.weights() {
            // linfa keeps weights in single precision.
            #[allow(clippy::cast_possible_truncation)]
            Some(weights) => dataset.with_weights(weights.iter().map(|w| *w as f32).collect()),
            None => dataset,
        }
    }
}
