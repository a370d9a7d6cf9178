//! Segments as rules.

use pyo3::exceptions::PyTypeError;
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::{Borrowed, type_hint_union};
use tercet::data::Ids;
use tercet::response::rules::{self as core, Column as RuleColumn, Customers, Kind, Segment};

use crate::arrays::{Array, Column, Flags, Floats, Integers, Number};
use crate::boundary::{self, Progress};
use crate::data::CustomerIds;
use crate::errors;
use crate::model::shared_methods;
use crate::records::Record;

/// Reads a segment from a JSON text.
///
/// Returns `json` (in its one form), `columns` (name, first place, and "number", "text", "truth", "time"
/// or None), `references` (id and place), and `relative` (where it first counts from the as-of date).
#[pyfunction]
pub(crate) fn read_segment<'py>(py: Python<'py>, json: &str) -> PyResult<Record<'py>> {
    let segment = boundary::brief(py, || Segment::from_json(json))?;
    let columns: Vec<(String, String, Option<&str>)> = segment
        .columns()
        .into_iter()
        .map(|(name, path, kind)| (name, path, kind.map(Kind::word)))
        .collect();
    Record::new(py)
        .with("json", segment.to_json())?
        .with("columns", columns)?
        .with("references", segment.references())?
        .with("relative", segment.relative())
}

/// The values of a column: numbers, whole numbers or times, truth values, codes of texts.
pub(crate) enum Values<'py> {
    Floats(Floats<'py>),
    Whole(Integers<'py>),
    Truths(Flags<'py>),
    Codes(Array<'py, i32>),
}

impl<'py> FromPyObject<'_, 'py> for Values<'py> {
    type Error = PyErr;

    const INPUT_TYPE: PyStaticExpr =
        type_hint_union!(f64::ARRAY, i64::ARRAY, bool::ARRAY, i32::ARRAY);

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(values) = object.extract() {
            return Ok(Self::Floats(values));
        }
        if let Ok(values) = object.extract() {
            return Ok(Self::Whole(values));
        }
        if let Ok(values) = object.extract() {
            return Ok(Self::Truths(values));
        }
        object.extract().map(Self::Codes)
    }
}

/// A column's name, whether whole numbers are times (in microseconds of the local clock), its values
/// (None where all are missing), which are missing, and the texts of codes.
type Named<'py> = (
    String,
    bool,
    Option<Values<'py>>,
    Option<Flags<'py>>,
    Option<CustomerIds<'py>>,
);

fn column<'a>(named: &'a Named<'_>, n_rows: usize) -> PyResult<(String, RuleColumn<'a>)> {
    let (name, times, values, missing, levels) = named;
    let missing = missing.as_ref().map(Array::values).transpose()?;
    let column = match values {
        None => RuleColumn::Missing(n_rows),
        Some(Values::Floats(values)) => RuleColumn::Numbers(values.values()?),
        Some(Values::Whole(values)) if *times => RuleColumn::Times {
            ticks: values.values()?,
            missing,
        },
        Some(Values::Whole(values)) => RuleColumn::Whole {
            values: values.values()?,
            missing,
        },
        Some(Values::Truths(values)) => RuleColumn::Truths {
            values: values.values()?,
            missing,
        },
        Some(Values::Codes(codes)) => RuleColumn::Text {
            codes: codes.values()?,
            levels: match levels {
                Some(levels) => levels.ids()?,
                None => return Err(PyTypeError::new_err("codes need the texts that they mean")),
            },
        },
    };
    Ok((name.clone(), column))
}

/// Many segments that may refer to each other: immutable.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct SegmentRules(core::SegmentBook);

shared_methods!(SegmentRules: saved);

#[pymethods]
impl SegmentRules {
    /// The segments of a JSON list; a frozen one has its list beside its definition.
    #[staticmethod]
    fn from_segments(py: Python<'_>, json: &str) -> PyResult<Self> {
        boundary::brief(py, || core::SegmentBook::from_segments(json)).map(Self)
    }

    /// Places of the segments, those that others refer to before them.
    #[getter]
    fn order(&self) -> Vec<usize> {
        self.0.order().to_vec()
    }

    /// Says who is in which segment. `columns` has for each its name, whether whole numbers are times, its
    /// values, which are missing, and the texts of codes; `as_of` is in microseconds of the local clock.
    #[pyo3(signature = (columns, n_rows, ids=None, id_column="customer_id", as_of=None, *, n_jobs=None, progress=None))]
    fn evaluate(
        &self,
        py: Python<'_>,
        columns: Vec<Named<'_>>,
        n_rows: usize,
        ids: Option<CustomerIds<'_>>,
        id_column: &str,
        as_of: Option<i64>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<SegmentMemberships> {
        let columns = columns
            .iter()
            .map(|named| column(named, n_rows))
            .collect::<PyResult<Vec<_>>>()?;
        let ids: Option<Ids<'_>> = ids.as_ref().map(CustomerIds::ids).transpose()?;
        let found = boundary::run(py, n_jobs, progress, |observer| {
            let customers = if columns.is_empty() {
                Customers::of_rows(n_rows)?
            } else {
                Customers::new(columns)?
            };
            let customers = match ids {
                Some(ids) => customers.with_ids(id_column, ids)?,
                None => customers,
            };
            self.0.evaluate(&customers, as_of, observer)
        })?;
        Ok(SegmentMemberships(found))
    }
}

/// Who is in which segment, a bit each: immutable.
#[pyclass(frozen, module = "tercet._tercet")]
pub(crate) struct SegmentMemberships(core::Memberships);

#[pymethods]
impl SegmentMemberships {
    /// Members of some segments, given by the rows of each, among so many customers.
    #[staticmethod]
    fn from_rows(py: Python<'_>, rows: Vec<Integers<'_>>, n_rows: usize) -> PyResult<Self> {
        let rows = rows
            .iter()
            .map(|rows| rows.values())
            .collect::<PyResult<Vec<_>>>()?;
        boundary::brief(py, || core::Memberships::from_rows(&rows, n_rows)).map(Self)
    }

    /// Number of customers.
    #[getter]
    fn n_rows(&self) -> usize {
        self.0.n_rows()
    }

    /// Whether each customer is a member of a segment.
    fn flags(&self, py: Python<'_>, segment: usize) -> PyResult<Column<bool>> {
        Ok(Column::new(py, self.set(segment)?.flags()))
    }

    /// The rows of a segment's members, ascending.
    fn rows(&self, py: Python<'_>, segment: usize) -> PyResult<Column<i64>> {
        Ok(Column::counts(py, self.set(segment)?.rows()))
    }

    /// The number of members of each segment.
    fn sizes(&self, py: Python<'_>) -> Column<i64> {
        Column::counts(py, self.0.sizes().into_iter())
    }

    /// In how many segments each customer is.
    fn segments_of_each(&self, py: Python<'_>) -> Column<u32> {
        Column::new(py, self.0.segments_of_each())
    }

    /// How many customers each two segments share, row by row.
    #[pyo3(signature = (*, n_jobs=None, progress=None))]
    fn overlap(
        &self,
        py: Python<'_>,
        n_jobs: Option<i64>,
        progress: Option<Progress>,
    ) -> PyResult<Column<i64>> {
        let found = boundary::run(py, n_jobs, progress, |observer| self.0.overlap(observer))?;
        Ok(Column::counts(py, found.into_iter().flatten()))
    }

    /// The same for a table whose rows are these rows, or -1 for customers who are not known here.
    fn at(&self, py: Python<'_>, rows: Integers<'_>) -> PyResult<Self> {
        let rows = rows.values()?;
        boundary::brief(py, || self.0.at(rows)).map(Self)
    }

    /// For pairs of segments here and there, the members here who are no members there.
    fn without(&self, py: Python<'_>, other: &Self, pairs: Vec<(usize, usize)>) -> PyResult<Self> {
        boundary::brief(py, || self.0.without(&other.0, &pairs)).map(Self)
    }
}

impl SegmentMemberships {
    fn set(&self, segment: usize) -> PyResult<&core::Bitmap> {
        let sets = self.0.sets();
        sets.get(segment).ok_or_else(|| {
            let expected = format!("below {}, the number of segments", sets.len());
            errors::to_python(tercet::Error::parameter("segment", segment, expected))
        })
    }
}
