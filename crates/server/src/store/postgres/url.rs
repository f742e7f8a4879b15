//! The address of a database, as an operator writes it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

use super::tls::Tls;

/// How long to wait for a host before the next one is tried.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the network may say nothing of what was sent.
const SILENCE: Duration = Duration::from_secs(10);

/// The address of a PostgreSQL database: `postgres://user:password@host:5432/name`, with several hosts (`@one:5432,two:5432/`) where another takes over when the
/// first is gone. `?sslmode=require` encrypts connections, `?sslmode=verify-full&sslrootcert=FILE` also asks for a certificate of the host's name by an authority of that file, or
/// without one by one that the system trusts. What its `Debug` shows has no password.
#[derive(Clone)]
pub struct PostgresUrl {
    config: Config,
    tls: Tls,
}

impl PostgresUrl {
    /// How to connect.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Whether what is sent is encrypted.
    pub(super) fn tls(&self) -> &Tls {
        &self.tls
    }
}

impl FromStr for PostgresUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<PostgresUrl, String> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err("a store's address begins with postgres://".into());
        }
        let (text, tls) = take_tls(text)?;
        // The text is not repeated: there may be a password in it.
        let mut config: Config =
            text.parse().map_err(|_| "this is not an address such as postgres://user@host:5432/database")?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(
                "the address of a database names a host and a database: postgres://user@host:5432/database".into()
            );
        }
        config.ssl_mode(if tls == Tls::Disable { SslMode::Disable } else { SslMode::Require });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("brooklet");
        }
        // A standby takes nothing in.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite).tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        Ok(PostgresUrl { config, tls })
    }
}

/// Takes what is said of encryption out of an address.
fn take_tls(text: &str) -> Result<(String, Tls), String> {
    let Some((address, query)) = text.split_once('?') else { return Ok((text.into(), Tls::Disable)) };
    let (mut mode, mut roots, mut others) = (None, None, Vec::new());
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", value)) => {
                let path = percent_decode_str(value).decode_utf8().map_err(|_| "sslrootcert is no path")?;
                roots = Some(PathBuf::from(path.as_ref()));
            }
            _ => others.push(pair),
        }
    }
    let others = if others.is_empty() { String::new() } else { format!("?{}", others.join("&")) };
    Ok((format!("{address}{others}"), Tls::of(mode, roots)?))
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresUrl").field("config", &self.config).field("tls", &self.tls).finish()
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://.../{}", self.config.get_dbname().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_and_its_password_is_not_shown() {
        let url: PostgresUrl = "postgres://me:hunter2@one:5432,two:5433/shop".parse().unwrap();
        assert_eq!(url.config().get_hosts().len(), 2);
        assert!(!format!("{url:?} {url}").contains("hunter2"));
        assert_eq!(*url.tls(), Tls::Disable);
        let encrypted = "postgres://me@one/shop?application_name=x&sslmode=verify-full&sslrootcert=%2Fca%20s.pem";
        let encrypted: PostgresUrl = encrypted.parse().unwrap();
        assert_eq!(*encrypted.tls(), Tls::VerifyFull(Some("/ca s.pem".into())));
        assert_eq!(encrypted.config().get_application_name(), Some("x"));
        for (bad, said) in [
            ("mysql://one/shop", "begins with postgres://"),
            ("postgres://one", "names a host and a database"),
            ("postgres://me:hunter2@one/shop?sslmode=verify-ca", "disable, require or verify-full"),
            ("postgres://me:hunter2@one/shop?sslrootcert=ca.pem", "for sslmode=verify-full"),
            ("postgres://me:hunter2@one:port/shop", "not an address"),
        ] {
            let error = bad.parse::<PostgresUrl>().unwrap_err();
            assert!(error.contains(said) && !error.contains("hunter2"), "{error}");
        }
    }
}
