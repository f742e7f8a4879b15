//! A store that fails, or panics, where a test wants it.
#![allow(unreachable_pub)]

use std::ops::RangeInclusive;

use async_trait::async_trait;
use brooklet_core::ClientKey;
use brooklet_server::{
    Append, Candidate, CandidateState, CandidateStats, Comparison, Head, Limit, Made, ModelSettings, Pending,
    Publication, Receipt, Registered, Sqlite, Stats, Store, StoreError, StoredVersion, Token, Waiting,
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
    async fn head(&self, model: &str) -> Result<Option<Head>, StoreError> {
        self.1("head")?;
        self.0.head(model).await
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
    async fn waiting(&self, model: &str, limit: Limit) -> Result<Vec<Waiting>, StoreError> {
        self.1("waiting")?;
        self.0.waiting(model, limit).await
    }
    async fn deltas(&self, model: &str, waiting: Vec<Waiting>) -> Result<Vec<Pending>, StoreError> {
        self.1("deltas")?;
        self.0.deltas(model, waiting).await
    }
    async fn aggregate(&self, model: &str, version: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.1("aggregate")?;
        self.0.aggregate(model, version).await
    }
    async fn made(&self, model: &str, version: u64) -> Result<Option<Made>, StoreError> {
        self.1("made")?;
        self.0.made(model, version).await
    }
    async fn folded(&self, model: &str, version: u64) -> Result<Vec<Pending>, StoreError> {
        self.1("folded")?;
        self.0.folded(model, version).await
    }
    async fn publish(&self, model: &str, publication: Publication) -> Result<(), StoreError> {
        self.1("publish")?;
        self.0.publish(model, publication).await
    }
    async fn prune(&self, model: &str, versions: RangeInclusive<u64>) -> Result<(), StoreError> {
        self.1("prune")?;
        self.0.prune(model, versions).await
    }
    async fn forget(&self, model: &str, client: ClientKey) -> Result<u64, StoreError> {
        self.1("forget")?;
        self.0.forget(model, client).await
    }
    async fn settings(&self, model: &str) -> Result<ModelSettings, StoreError> {
        self.1("settings")?;
        self.0.settings(model).await
    }
    async fn set_settings(&self, model: &str, settings: ModelSettings) -> Result<(), StoreError> {
        self.1("set_settings")?;
        self.0.set_settings(model, settings).await
    }
    async fn propose(&self, model: &str, state: CandidateState, publication: Publication) -> Result<u64, StoreError> {
        self.1("propose")?;
        self.0.propose(model, state, publication).await
    }
    async fn candidates(&self, model: &str) -> Result<Vec<CandidateStats>, StoreError> {
        self.1("candidates")?;
        self.0.candidates(model).await
    }
    async fn candidate(&self, model: &str, id: u64) -> Result<Option<Candidate>, StoreError> {
        self.1("candidate")?;
        self.0.candidate(model, id).await
    }
    async fn reject(&self, model: &str, id: u64, trial: Option<Comparison>) -> Result<(), StoreError> {
        self.1("reject")?;
        self.0.reject(model, id, trial).await
    }
    async fn discard(&self, model: &str, id: u64) -> Result<bool, StoreError> {
        self.1("discard")?;
        self.0.discard(model, id).await
    }
    async fn remove(&self, model: &str) -> Result<bool, StoreError> {
        self.1("remove")?;
        self.0.remove(model).await
    }
    async fn profile(&self, model: &str, id: &str) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        self.1("profile")?;
        self.0.profile(model, id).await
    }
    async fn keep_profile(
        &self,
        model: &str,
        id: &str,
        after: u64,
        bytes: Vec<u8>,
        most: u64,
    ) -> Result<bool, StoreError> {
        self.1("keep_profile")?;
        self.0.keep_profile(model, id, after, bytes, most).await
    }
    async fn forget_profile(&self, model: &str, id: &str) -> Result<bool, StoreError> {
        self.1("forget_profile")?;
        self.0.forget_profile(model, id).await
    }
    async fn secret(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.1("secret")?;
        self.0.secret(fresh).await
    }
    async fn stats(&self, model: &str) -> Result<Option<Stats>, StoreError> {
        self.1("stats")?;
        self.0.stats(model).await
    }
    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.1("tokens")?;
        self.0.tokens().await
    }
    async fn bytes(&self) -> Result<u64, StoreError> {
        self.1("bytes")?;
        self.0.bytes().await
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
