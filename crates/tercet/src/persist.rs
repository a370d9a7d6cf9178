//! One file format for every model: a JSON envelope that Rust and Python read and write alike.
//!
//! ```json
//! {"format": "tercet", "kind": "bg_nbd", "version": 1, "written_by": "0.1.0",
//!  "schema": {…names, units, as_of…}, "settings": {…}, "fitted": {…}, "report": {…}}
//! ```
//!
//! Floats survive bit for bit. A file of a newer version, of another kind, or cut short is a clear
//! error.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

const FORMAT: &str = "tercet";

/// A model that is saved and loaded.
///
/// ```
/// use tercet::{persist::Persist, value::lifetime::FittedBgNbd};
///
/// let model = FittedBgNbd::from_parameters(0.243, 4.414, 0.793, 2.426)?;
/// let copy = FittedBgNbd::from_json(&model.to_json()?)?;
/// assert_eq!(copy, model);
/// # Ok::<(), tercet::Error>(())
/// ```
pub trait Persist: Sized {
    /// The model's name in files.
    const KIND: &'static str;
    /// The newest version of its contents.
    const VERSION: u32;

    /// The model as the four parts of the envelope.
    fn to_parts(&self) -> Result<Parts>;

    /// The model from the four parts; `parts` is of version [`Self::VERSION`].
    fn from_parts(parts: Parts) -> Result<Self>;

    /// Brings the parts of an older version up to [`Self::VERSION`].
    fn migrate(from: u32, parts: Parts) -> Result<Parts> {
        if from == Self::VERSION {
            Ok(parts)
        } else {
            Err(Error::Corrupt {
                reason: format!("version {from} of '{}' was never published", Self::KIND),
            })
        }
    }

    /// The model as a JSON text.
    fn to_json(&self) -> Result<String> {
        let envelope = Envelope {
            format: FORMAT.to_owned(),
            kind: Self::KIND.to_owned(),
            version: Self::VERSION,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            parts: self.to_parts()?,
        };
        let mut text = serde_json::to_string_pretty(&envelope).map_err(corrupt)?;
        text.push('\n');
        Ok(text)
    }

    /// The model from a JSON text.
    fn from_json(text: &str) -> Result<Self> {
        let value = read_value(text)?;
        let header = Header::read(&value)?;
        if header.kind != Self::KIND {
            return Err(Error::WrongKind {
                found: header.kind,
                expected: Self::KIND.to_owned(),
            });
        }
        // Before the parts: a newer version may have others.
        if header.version > Self::VERSION {
            return Err(Error::UnsupportedVersion {
                kind: header.kind,
                found: header.version,
                newest: Self::VERSION,
            });
        }
        let envelope: Envelope = serde_json::from_value(value).map_err(corrupt)?;
        Self::from_parts(Self::migrate(header.version, envelope.parts)?)
    }

    /// Writes the model to a file: whole or not at all.
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_whole(path.as_ref(), &self.to_json()?)
    }

    /// Reads the model from a file.
    fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|error| io(path, &error))?;
        Self::from_json(&text)
    }
}

/// The kind of model in a JSON text, for callers that dispatch on it.
///
/// ```
/// use tercet::{persist::{self, Persist}, value::lifetime::FittedBgNbd};
/// let model = FittedBgNbd::from_parameters(0.243, 4.414, 0.793, 2.426)?;
/// assert_eq!(persist::kind_of(&model.to_json()?)?, "bg_nbd");
/// # Ok::<(), tercet::Error>(())
/// ```
pub fn kind_of(text: &str) -> Result<String> {
    Ok(Header::read(&read_value(text)?)?.kind)
}

/// What a model is made of.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Parts {
    /// Names, levels, units and the date that the data ended: what scoring must match.
    pub schema: Value,
    /// The settings it was fitted with.
    pub settings: Value,
    /// The estimates.
    pub fitted: Value,
    /// How the fit went.
    pub report: Value,
}

impl Parts {
    /// Each part from anything that serialises.
    pub fn new(
        schema: impl Serialize,
        settings: impl Serialize,
        fitted: impl Serialize,
        report: impl Serialize,
    ) -> Result<Self> {
        Ok(Self {
            schema: serde_json::to_value(schema).map_err(corrupt)?,
            settings: serde_json::to_value(settings).map_err(corrupt)?,
            fitted: serde_json::to_value(fitted).map_err(corrupt)?,
            report: serde_json::to_value(report).map_err(corrupt)?,
        })
    }
}

/// Reads one part; a missing or misshapen field is named.
pub fn read_part<T: for<'de> Deserialize<'de>>(name: &str, part: Value) -> Result<T> {
    serde_json::from_value(part).map_err(|error| Error::Corrupt {
        reason: format!("in \"{name}\": {error}"),
    })
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    format: String,
    kind: String,
    version: u32,
    written_by: String,
    #[serde(flatten)]
    parts: Parts,
}

/// What every version of every kind has.
#[derive(Deserialize)]
struct Header {
    kind: String,
    version: u32,
}

impl Header {
    fn read(value: &Value) -> Result<Self> {
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(Error::Corrupt {
                reason: "it does not say \"format\": \"tercet\"".to_owned(),
            });
        }
        Self::deserialize(value).map_err(corrupt)
    }
}

fn read_value(text: &str) -> Result<Value> {
    // Some editors put a byte-order mark in front.
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(Error::Corrupt {
            reason: "it is empty".to_owned(),
        });
    }
    serde_json::from_str(text).map_err(corrupt)
}

fn write_whole(path: &Path, text: &str) -> Result<()> {
    // A crash between the two steps leaves the old file whole, and a stray temporary beside it.
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".writing");
    let temporary = Path::new(&temporary);
    let written = fs::File::create(temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .and_then(|()| fs::rename(temporary, path));
    written.map_err(|error| {
        let _ = fs::remove_file(temporary);
        io(path, &error)
    })
}

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::Io {
        path: path.display().to_string(),
        kind: error.kind(),
        reason: error.to_string(),
    }
}

// By value, as `map_err` wants it.
#[allow(clippy::needless_pass_by_value)]
fn corrupt(error: serde_json::Error) -> Error {
    Error::Corrupt {
        reason: error.to_string(),
    }
}
