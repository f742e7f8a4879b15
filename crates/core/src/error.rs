//! What can go wrong, once for all callers: each error has a code that programs match on and a sentence that names the way out.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt;

/// Everything that can be wrong with what the core is given. The state is as it was before the call.
///
/// [`Error::code`] is what programs match on; `Display` is a sentence for people. Texts are static where they can be,
/// because formatting code is a visible share of the download.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no base blob that this version reads.
    BadBase(Fault),
    /// The bytes are no delta that this version reads.
    BadDelta(&'static str),
    /// The delta is of a format that this version does not read: the page's package is of another time than the endpoint.
    DeltaFormat {
        /// The format of the delta.
        found: u64,
        /// The format that is read.
        read: u64,
    },
    /// The bytes are no profile that this version reads.
    BadProfile(&'static str),
    /// The bytes are no aggregate state that this version reads.
    BadAggregate(&'static str),
    /// A setting of a learner is not known, or not within its bounds.
    BadSetting(Fault),
    /// Text that should be JSON is not.
    BadJson(&'static str),
    /// A value of the input cannot be a feature; `path` says where it stands.
    BadValue {
        /// The dotted path of the value.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A target, weight or rate outside of what the loss accepts.
    BadLabel(&'static str),
    /// The profile belongs to a model of another shape: start a new profile, or open the model that it was made with.
    IncompatibleProfile,
    /// The new base has another shape than the present one: open a new learner with it instead of swapping.
    IncompatibleBase,
    /// The delta was computed against a version before the horizon: pull the current base and send it again.
    StaleBase {
        /// The version that the delta was computed against.
        base: u64,
        /// The present version.
        current: u64,
    },
    /// The delta claims a version that was never published.
    UnknownBase {
        /// The version that the delta claims.
        base: u64,
        /// The present version.
        current: u64,
    },
    /// The delta's rows are of another width than the model's.
    WrongFactors {
        /// Factors of the model.
        expected: usize,
        /// Factors of the delta.
        found: usize,
    },
    /// No slate of this id is pending: it was never made, or it made room for newer ones.
    UnknownSlate,
    /// The item is neither in the slate nor in the catalogue.
    UnknownItem,
    /// The item of this slate was clicked or skipped before.
    AlreadyLabelled,
    /// The event is not kept any more by itself, or the settings have it learnt in a way that leads nowhere back.
    CannotUndo,
}

/// What is wrong with something that people write by hand, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: the keys that lead there, with dots between them, and the places in arrays in brackets.
    pub path: String,
    /// What is expected there.
    pub expected: &'static str,
    /// What was found; None if nothing was.
    pub found: Option<Cow<'static, str>>,
}

impl Fault {
    /// A fault of something as a whole.
    #[cold]
    #[inline(never)]
    pub(crate) fn of(path: &'static str, expected: &'static str, found: Cow<'static, str>) -> Fault {
        Fault { path: path.into(), expected, found: Some(found) }
    }

    /// A fault of one element of something.
    #[cold]
    #[inline(never)]
    pub(crate) fn at(path: &'static str, index: usize, expected: &'static str, found: Cow<'static, str>) -> Fault {
        Fault { path: [path, "[", &index.to_string(), "]"].concat(), expected, found: Some(found) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { path, expected, found } = self;
        match found {
            Some(found) => write_all(f, &[path, ": expected ", expected, ", found ", found]),
            None => write_all(f, &[path, ": ", expected, " is missing"]),
        }
    }
}

/// What `write!` does with texts, without the code for widths and alignment, which is 1 KB of the download.
fn write_all(f: &mut fmt::Formatter<'_>, texts: &[&str]) -> fmt::Result {
    texts.iter().try_for_each(|text| f.write_str(text))
}

impl Error {
    /// A stable snake_case name of the variant.
    pub fn code(&self) -> &'static str {
        match self {
            Error::BadBase(_) => "bad_base",
            Error::BadDelta(_) => "bad_delta",
            Error::DeltaFormat { .. } => "delta_format",
            Error::BadProfile(_) => "bad_profile",
            Error::BadAggregate(_) => "bad_aggregate",
            Error::BadSetting(_) => "bad_setting",
            Error::BadJson(_) => "bad_json",
            Error::BadValue { .. } => "bad_value",
            Error::BadLabel(_) => "bad_label",
            Error::IncompatibleProfile => "incompatible_profile",
            Error::IncompatibleBase => "incompatible_base",
            Error::StaleBase { .. } => "stale_base",
            Error::UnknownBase { .. } => "unknown_base",
            Error::WrongFactors { .. } => "wrong_factors",
            Error::UnknownSlate => "unknown_slate",
            Error::UnknownItem => "unknown_item",
            Error::AlreadyLabelled => "already_labelled",
            Error::CannotUndo => "cannot_undo",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadBase(fault) => {
                f.write_str("not a readable base: ")?;
                fault.fmt(f)
            }
            Error::BadDelta(why) => write_all(f, &["not a readable delta: ", why]),
            Error::DeltaFormat { found, read } => {
                let (found, read) = (&found.to_string(), &read.to_string());
                let older = ": update the older of the two";
                write_all(f, &["the delta is of format ", found, ", and this endpoint reads format ", read, older])
            }
            Error::BadProfile(why) => write_all(f, &["not a readable profile: ", why]),
            Error::BadAggregate(why) => write_all(f, &["not a readable aggregate: ", why]),
            Error::BadSetting(fault) => fault.fmt(f),
            Error::BadJson(why) => write_all(f, &["not readable JSON: ", why]),
            Error::BadValue { path, why } => write_all(f, &["the value at `", path, "` ", why]),
            Error::BadLabel(why) => f.write_str(why),
            Error::IncompatibleProfile => {
                f.write_str("the profile was made with a model of another shape: start a new profile")
            }
            Error::IncompatibleBase => {
                f.write_str("the new base has another shape than the present one: open a new learner with it")
            }
            Error::StaleBase { base, current } => {
                let (base, current) = (&base.to_string(), &current.to_string());
                let against = "the delta was computed against version ";
                let behind = ", which is too far behind the current version ";
                write_all(f, &[against, base, behind, current, ": pull the current base and send it again"])
            }
            Error::UnknownBase { base, current } => {
                let (base, current) = (&base.to_string(), &current.to_string());
                write_all(f, &["the delta claims version ", base, ", but the current version is ", current])
            }
            Error::WrongFactors { expected, found } => {
                let (expected, found) = (&expected.to_string(), &found.to_string());
                write_all(f, &["the delta has ", found, " factors a row, the model has ", expected])
            }
            Error::UnknownSlate => f.write_str("no slate of this id is pending"),
            Error::UnknownItem => f.write_str("the item is neither in the slate nor in the catalogue"),
            Error::AlreadyLabelled => f.write_str("the item of this slate was clicked or skipped before"),
            Error::CannotUndo => f.write_str("what this label has taught cannot be told from the rest any more"),
        }
    }
}

impl core::error::Error for Error {}
impl core::error::Error for Fault {}
