//! What other processes did: a connection that only listens, and a look at the store now and then behind it, for a notification may be lost with its connection.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::PostgresUrl;
use crate::store::error::StoreError;

/// What is notified of in the transaction that publishes a version.
pub(super) const CHANNEL: &str = "brooklet";
/// How long until one looks without having been told.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct News {
    told: Arc<Notify>,
    listening: JoinHandle<()>,
}

impl News {
    pub(super) fn of(url: PostgresUrl) -> Result<News, StoreError> {
        let told = Arc::new(Notify::new());
        let tls = url.tls().connector()?;
        let listening = tokio::spawn(listen_for_ever(url, tls, told.clone()));
        Ok(News { told, listening })
    }

    /// Returns when something was told, or a second is over.
    pub(super) async fn next(&self) {
        // Whether it was told or looks by itself is the same to whoever waits.
        let _ = timeout(LOOK, self.told.notified()).await;
    }
}

impl Drop for News {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen_for_ever(url: PostgresUrl, tls: MakeRustlsConnect, told: Arc<Notify>) {
    loop {
        if let Err(error) = listen(&url, tls.clone(), &told).await {
            tracing::debug!(%error, "nothing is heard from the database; versions are looked for once a second");
        }
        sleep(LOOK).await;
    }
}

/// Until the connection ends.
async fn listen(url: &PostgresUrl, tls: MakeRustlsConnect, told: &Notify) -> Result<(), Error> {
    let (client, mut connection) = url.config().connect(tls).await?;
    let listen = format!("LISTEN {CHANNEL}");
    let mut asked = pin!(client.batch_execute(&listen));
    let mut is_asked = false;
    loop {
        tokio::select! {
            done = &mut asked, if !is_asked => {
                done?;
                is_asked = true;
                // Whatever was told before is lost.
                told.notify_one();
            }
            message = poll_fn(|context| connection.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(_))) => told.notify_one(),
                Some(message) => drop(message?),
                None => return Ok(()),
            }
        }
    }
}
