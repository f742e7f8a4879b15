//! Connections, and a database that is brought up to the present tables.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};

use super::url::PostgresUrl;
use crate::store::error::StoreError;

mod migrations {
    refinery::embed_migrations!("src/store/postgres/migrations");
}

/// The most connections of a process, apart from the one that listens.
const CONNECTIONS: usize = 8;
/// How long to wait for one of them.
const PATIENCE: Duration = Duration::from_secs(10);
/// What processes that bring the tables up to date at the same time wait for.
const MIGRATING: i64 = 0x6272_6f6f_6b6c_6574;

/// Connections, made when they are needed.
pub(super) fn pool(url: &PostgresUrl) -> Result<Pool, StoreError> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(url.config().clone(), url.tls().connector()?, recycling);
    let pool = Pool::builder(manager).max_size(CONNECTIONS).runtime(Runtime::Tokio1);
    pool.wait_timeout(Some(PATIENCE)).build().map_err(|error| StoreError::Failed(error.into()))
}

/// Makes the tables, or brings those of an older Brooklet up to date.
pub(super) async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    let mut client = pool.get().await?;
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATING]).await?;
    let migrated = migrate_alone(&mut client).await;
    client.execute("SELECT pg_advisory_unlock($1)", &[&MIGRATING]).await?;
    migrated
}

async fn migrate_alone(client: &mut Object) -> Result<(), StoreError> {
    let runner = migrations::migrations::runner();
    let known = runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0);
    if client.query_one("SELECT to_regclass('refinery_schema_history') IS NOT NULL", &[]).await?.get(0) {
        let found = client.query_one("SELECT coalesce(max(version), 0)::bigint FROM refinery_schema_history", &[]);
        let found: i64 = found.await?.get(0);
        if found > known {
            return Err(StoreError::TooNew { found, known });
        }
    }
    let client: &mut tokio_postgres::Client = client;
    let migrated = runner.run_async(client).await;
    migrated.map(drop).map_err(|error| StoreError::Failed(error.into()))
}
