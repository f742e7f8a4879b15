//! What happens, told to whoever listens: the last events are kept in memory, and each listener reads them at its own pace.
//!
//! Nobody who tells waits for a listener. Whoever reads so slowly that events are gone before he comes to them is told how many he missed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use crate::clock::now;

/// Events that are kept.
const KEPT: usize = 1024;

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// From 1, without a gap.
    pub(crate) number: u64,
    pub(crate) kind: &'static str,
    /// The model that it is about; empty for all.
    pub(crate) model: String,
    pub(crate) data: Value,
}

/// The last events.
#[derive(Debug)]
pub(crate) struct Events {
    kept: Mutex<VecDeque<Event>>,
    newest: watch::Sender<u64>,
    /// Tells the numbers of this process from those of others.
    run: u64,
}

impl Default for Events {
    fn default() -> Events {
        Events { kept: Mutex::default(), newest: watch::Sender::new(0), run: now() }
    }
}

impl Events {
    pub(crate) fn tell(&self, kind: &'static str, model: &str, mut data: Value) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = 1 + kept.back().map_or(0, |event| event.number);
        if let Value::Object(data) = &mut data {
            data.insert("time".into(), now().into());
            if !model.is_empty() {
                data.insert("model".into(), model.into());
            }
        }
        kept.push_back(Event { number, kind, model: model.into(), data });
        if kept.len() > KEPT {
            kept.pop_front();
        }
        self.newest.send_replace(number);
    }

    /// What identifies an event to listeners that come back.
    pub(crate) fn id(&self, number: u64) -> String {
        format!("{:x}-{number}", self.run)
    }

    /// Goes on after an id; None after one of another process, whose events are gone.
    pub(crate) fn after(&self, id: &str) -> Option<u64> {
        let (run, number) = id.split_once('-')?;
        (u64::from_str_radix(run, 16) == Ok(self.run)).then(|| number.parse().ok())?
    }

    /// The number of the newest.
    pub(crate) fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Ready when there is a newer one than `seen`.
    pub(crate) async fn newer(&self, seen: u64) {
        // The sender lives as long as this does.
        let _ = self.newest.subscribe().wait_for(|newest| *newest > seen).await;
    }

    /// The events after `seen`, and how many of them are gone.
    pub(crate) fn since(&self, seen: u64) -> (u64, Vec<Event>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = kept.front().map_or(seen + 1, |event| event.number);
        let missed = oldest.saturating_sub(seen + 1);
        (missed, kept.iter().filter(|event| event.number > seen).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_slowly_is_told_what_is_gone() {
        let events = Events::default();
        for n in 0..KEPT as u64 + 5 {
            events.tell("delta", "films", serde_json::json!({ "n": n }));
        }
        let (missed, left) = events.since(2);
        assert_eq!((missed, left.len(), left[0].number), (3, KEPT, 6));
        assert_eq!(events.since(KEPT as u64 + 4).1.len(), 1);
        assert_eq!(events.after(&events.id(7)), Some(7));
        assert_eq!(events.after("1-7"), None);
    }
}
