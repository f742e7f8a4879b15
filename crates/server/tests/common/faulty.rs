//! A store that fails, or panics, where a test wants it.
#![allow(unreachable_pub)]

use async_trait::async_trait;
use brooklet_core::ClientKey;
use brooklet_server::{
    Append, Limit, Pending, Publication, Receipt, Registered, Sqlite, Stats, Store, StoreError, StoredVersion, Token,
};

/// Does what the store does, unless the second says otherwise of the method of this name.
pub struct Faulty<F>(pub Sqlite, pub F);

#[async_trait]
impl<F: Fn(&str) -> Result<(), StoreError> + Send + Sync + 'static> Store for Faulty<F> {
    async fn register(&self, model: &str, seed: Publication) -> Result<Registered, StoreError> {
        self.1("register")?;
        self.0.register(model, seed).await
    }
    async fn models(&self) -> Result<Vec<String>, StoreError> {
        self.1("models")?;
        self.0.models().await
    }
    async fn current(&self, model: &str) -> Result<Option<StoredVersion>, StoreError> {
        self.1("current")?;
        self.0.current(model).await
    }
    async fn version(&self, model: &str, version: u64) -> Result<Option<StoredVersion>, StoreError> {
        self.1("version")?;
        self.0.version(model, version).await
    }
    async fn tagged(&self, model: &str, etag: &str) -> Result<Option<u64>, StoreError> {
        self.1("tagged")?;
        self.0.tagged(model, etag).await
    }
    async fn append(&self, delta: Append) -> Result<Receipt, StoreError> {
        self.1("append")?;
        self.0.append(delta).await
    }
    async fn last_seq(&self, model: &str, client: ClientKey) -> Result<u64, StoreError> {
        self.1("last_seq")?;
        self.0.last_seq(model, client).await
    }
    async fn pending(&self, model: &str, limit: Limit) -> Result<Vec<Pending>, StoreError> {
        self.1("pending")?;
        self.0.pending(model, limit).await
    }
    async fn aggregate(&self, model: &str) -> Result<Vec<u8>, StoreError> {
        self.1("aggregate")?;
        self.0.aggregate(model).await
    }
    async fn publish(&self, model: &str, publication: Publication) -> Result<(), StoreError> {
        self.1("publish")?;
        self.0.publish(model, publication).await
    }
    async fn prune(&self, model: &str, up_to: u64) -> Result<(), StoreError> {
        self.1("prune")?;
        self.0.prune(model, up_to).await
    }
    async fn stats(&self, model: &str) -> Result<Option<Stats>, StoreError> {
        self.1("stats")?;
        self.0.stats(model).await
    }
    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.1("tokens")?;
        self.0.tokens().await
    }
    async fn check(&self) -> Result<(), StoreError> {
        self.1("check")?;
        self.0.check().await
    }
    async fn close(&self) -> Result<(), StoreError> {
        self.1("close")?;
        self.0.close().await
    }
}
