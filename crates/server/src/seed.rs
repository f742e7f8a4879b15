//! A seed on its way into the store, where it becomes the first version of its model.

use std::fs;
use std::path::Path;

use axum::body::Bytes;
use brooklet_core::{Aggregate, Base, Error};

use crate::clock::now;
use crate::error::ServeError;
use crate::model::etag;
use crate::store::{By, FoldedVersion, Made, Publication, Registered, Store};

/// Makes the seed the model's first version, if the store has no such model yet.
pub(crate) async fn register(store: &dyn Store, model: &str, path: &Path) -> Result<(), ServeError> {
    check_name(model)?;
    let has_it = store.models().await?.iter().any(|name| name == model);
    let bytes = match fs::read(path) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if has_it => {
            tracing::warn!(model, seed = %path.display(), %error, "the seed cannot be read; the stored versions are served");
            return Ok(());
        }
        Err(error) => return Err(ServeError::Seed { path: path.into(), error }),
    };
    if has_it {
        warn_of_another(store, model, path, &bytes).await?;
        return Ok(());
    }
    let blob = bytes.clone();
    let seed = publication(bytes).map_err(|fault| match fault {
        Fault::Core(error) => ServeError::BadSeed { path: path.into(), error },
        Fault::PrivateRows => ServeError::PrivateRows(path.into()),
    })?;
    let version = seed.version;
    match store.register(model, seed).await? {
        Registered::Added => tracing::info!(model, version, seed = %path.display(), "registered the seed"),
        // Somebody else registered it meanwhile.
        Registered::Present => warn_of_another(store, model, path, &blob).await?,
    }
    Ok(())
}

/// Whether a model can have this name.
pub(crate) fn check_name(model: &str) -> Result<(), ServeError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if model.is_empty() || model.len() > 64 || model.starts_with('.') || !model.chars().all(allowed) {
        return Err(ServeError::BadName(model.into()));
    }
    Ok(())
}

/// Why bytes are no seed to serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Core(#[from] Error),
    #[error("it holds rows of single visitors, and would give them to everybody: train it without --keep-users")]
    PrivateRows,
}

/// The first version of a model: the seed as it is.
pub(crate) fn publication(bytes: Bytes) -> Result<Publication, Fault> {
    let base = Base::decode(bytes.as_ref())?;
    if base.metadata().private_rows {
        return Err(Fault::PrivateRows);
    }
    Ok(Publication {
        version: base.metadata().version,
        aggregate: Aggregate::from_base(&base).encode()?,
        etag: etag(&bytes),
        rows: base.len() as u64,
        created: now(),
        fold: FoldedVersion { made: Made { by: By::Seed, ..Made::default() }, ..FoldedVersion::default() },
        base: bytes,
    })
}

/// The stored versions win over a seed that the model was not made from; the operator hears of it.
async fn warn_of_another(store: &dyn Store, model: &str, path: &Path, seed: &[u8]) -> Result<(), ServeError> {
    // A seed that is no seed is another seed.
    let version = Base::decode(seed).map_or(1, |base| base.metadata().version);
    let first = store.version(model, version).await?;
    if first.is_none_or(|first| first.etag != etag(seed)) {
        tracing::warn!(
            model,
            seed = %path.display(),
            "the store has this model already, made from another seed; the stored versions are served. To start over with this \
             seed, use another data folder or another model name"
        );
    }
    Ok(())
}
