//! Which files and folders are served where, and whether they can be: looked at before the server starts.

use crate::config::{Config, Mount};
use crate::error::ServeError;

/// Addresses that the server answers itself.
const OWN: [&str; 5] = ["/healthz", "/livez", "/readyz", "/metrics", "/openapi.json"];
/// Addresses below which all are its own.
const OWN_BELOW: [&str; 2] = ["/v1", "/dashboard"];
/// Where the package is served.
pub(crate) const PACKAGE: &str = "/pkg";

/// Whether each folder and file that is to be served is there, and has an address of its own.
pub(crate) fn check(config: &Config) -> Result<(), ServeError> {
    let store = config.data.canonicalize().ok();
    for (flag, folder) in [("--www", &config.www), ("--pkg", &config.pkg)] {
        let Some(folder) = folder else { continue };
        let missing = |error| ServeError::NoFolder { flag, path: folder.clone(), error };
        let place = folder.canonicalize().map_err(missing)?;
        if !place.is_dir() {
            return Err(missing(std::io::ErrorKind::NotADirectory.into()));
        }
        if store.as_ref().is_some_and(|store| place.starts_with(store)) {
            return Err(ServeError::StoreServed { flag, path: folder.clone() });
        }
    }
    let mut taken: Vec<(String, String)> = OWN.map(|url| (url.into(), "the server itself".into())).into();
    if let Some(folder) = &config.pkg {
        let by = format!("--pkg {}", folder.display());
        taken.extend([PACKAGE, "/pkg/"].map(|url| (url.into(), by.clone())));
    }
    for (flag, Mount { url, path }) in mounts(config) {
        let said = if flag == "--file" {
            format!("--file {url}={}", path.display())
        } else {
            format!("{flag} {}", path.display())
        };
        let missing = |error| ServeError::NoFile { said: said.clone(), error };
        let place = path.canonicalize().map_err(missing)?;
        if place.is_dir() {
            return Err(missing(std::io::ErrorKind::IsADirectory.into()));
        }
        if store.as_ref().is_some_and(|store| place.starts_with(store)) {
            return Err(ServeError::StoreServed { flag, path });
        }
        let api = OWN_BELOW
            .iter()
            .any(|own| url.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        let other = taken.iter().find(|(address, _)| *address == url).map(|(_, by)| by.clone());
        if let Some(by) = other.or_else(|| api.then(|| "the server itself".into())) {
            return Err(ServeError::TakenAddress { said, url, by });
        }
        taken.push((url, said));
    }
    Ok(())
}

/// Single files, and the option that names each.
pub(crate) fn mounts(config: &Config) -> impl Iterator<Item = (&'static str, Mount)> {
    let catalogue =
        config.catalogue.iter().map(|path| ("--catalogue", Mount { url: "/catalogue.csv".into(), path: path.clone() }));
    catalogue.chain(config.files.iter().map(|mount| ("--file", mount.clone())))
}
