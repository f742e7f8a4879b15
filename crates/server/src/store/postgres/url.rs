//! The address of a database, as an operator writes it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

/// How long to wait for a host before the next one is tried.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the network may say nothing of what was sent.
const SILENCE: Duration = Duration::from_secs(10);

/// The address of a PostgreSQL database: `postgres://user:password@host:5432/name`, with several hosts (`@one:5432,two:5432/`) where another takes over when the
/// first is gone. What its `Debug` shows has no password.
#[derive(Clone)]
pub struct PostgresUrl(Config);

impl PostgresUrl {
    /// How to connect.
    pub(super) fn config(&self) -> &Config {
        &self.0
    }
}

impl FromStr for PostgresUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<PostgresUrl, String> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err("a store's address begins with postgres://".into());
        }
        // The text is not repeated: there may be a password in it.
        let mut config: Config =
            text.parse().map_err(|_| "this is not an address such as postgres://user@host:5432/database")?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(
                "the address of a database names a host and a database: postgres://user@host:5432/database".into()
            );
        }
        if config.get_ssl_mode() == SslMode::Require {
            return Err("connections to the database are not encrypted: use a private network or a tunnel".into());
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("brooklet");
        }
        // A standby takes nothing in.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite).tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        Ok(PostgresUrl(config))
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://.../{}", self.0.get_dbname().unwrap_or_default())
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
        for (bad, said) in [
            ("mysql://one/shop", "begins with postgres://"),
            ("postgres://one", "names a host and a database"),
            ("postgres://me:hunter2@one/shop?sslmode=require", "not encrypted"),
            ("postgres://me:hunter2@one:port/shop", "not an address"),
        ] {
            let error = bad.parse::<PostgresUrl>().unwrap_err();
            assert!(error.contains(said) && !error.contains("hunter2"), "{error}");
        }
    }
}
