//! The core's errors in Python's words; the classes live in `python/tercet/exceptions.py`.
//!
//! They are imported rather than created here, because a Python class can inherit from two bases
//! (`DataError` is a `TercetError` and a `ValueError`), pickles, and has types and a docstring.

use std::any::Any;
use std::fmt::Display;
use std::io::ErrorKind;
use std::str::FromStr;

use pyo3::exceptions::{PyFileNotFoundError, PyIsADirectoryError, PyOSError, PyPermissionError};
use pyo3::{PyErr, PyResult};
use rayon::ThreadPoolBuildError;
use tercet::Error;

mod python {
    use pyo3::import_exception;

    import_exception!(tercet.exceptions, TercetError);
    import_exception!(tercet.exceptions, DataError);
    import_exception!(tercet.exceptions, ParameterError);
    import_exception!(tercet.exceptions, ModelFileError);
    import_exception!(tercet.exceptions, UnsupportedVersionError);
}

/// The Python exception that says what `error` says.
pub(crate) fn to_python(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::InvalidParameter { name, .. } => python::ParameterError::new_err((message, name)),
        Error::InvalidData { column, row, .. } => {
            python::DataError::new_err((message, column, row))
        }
        Error::Separation { column, .. } | Error::ShapeMismatch { column, .. } => {
            python::DataError::new_err((message, column))
        }
        Error::UnsupportedVersion { .. } => python::UnsupportedVersionError::new_err(message),
        Error::WrongKind { .. } | Error::Corrupt { .. } => python::ModelFileError::new_err(message),
        Error::Io { kind, .. } => match kind {
            ErrorKind::NotFound => PyFileNotFoundError::new_err(message),
            ErrorKind::PermissionDenied => PyPermissionError::new_err(message),
            ErrorKind::IsADirectory => PyIsADirectoryError::new_err(message),
            _ => PyOSError::new_err(message),
        },
        // `Interrupted` is what the core answers to a stop; the exception that asked for the stop
        // has been raised in its place by the time anybody could see this one.
        _ => python::TercetError::new_err(message),
    }
}

/// Reads one of the core's words ("week", "drop"); a wrong one is a `ParameterError` that lists them.
pub(crate) fn parsed<T: FromStr<Err = Error>>(word: &str) -> PyResult<T> {
    word.parse().map_err(to_python)
}

/// A whole number in the core's type; one that does not fit is a `ParameterError`.
pub(crate) fn whole<N, T>(name: &str, value: N, expected: &str) -> PyResult<T>
where
    N: Copy + Display,
    T: TryFrom<N>,
{
    T::try_from(value).map_err(|_| to_python(Error::parameter(name, value, expected)))
}

/// A panic in the core: a defect of tercet, told in a way that a program can catch.
pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> PyErr {
    let what = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    python::TercetError::new_err(format!(
        "internal error: {what}; this is a defect of tercet {}, please report it with the call that led here",
        env!("CARGO_PKG_VERSION"),
    ))
}

/// The operating system refused to start so many threads.
pub(crate) fn threads(asked: usize, error: &ThreadPoolBuildError) -> PyErr {
    python::TercetError::new_err(format!(
        "cannot start {}: {error}; try a smaller n_jobs",
        if asked == 0 {
            "one thread a core".to_owned()
        } else {
            format!("{asked} threads")
        },
    ))
}
