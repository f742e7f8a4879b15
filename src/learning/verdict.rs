//! What the endpoint says to a delta, and what that does to what was learnt.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};

use brooklet_core::PendingDelta;

use crate::learning::session::Session;

/// What the endpoint said to a delta.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It is durable (perhaps since an earlier attempt), and this is the current version.
    Acknowledged { repeat: bool, version: u64 },
    /// Earlier deltas of this client never arrived: go on as a new client.
    Gap,
    /// It was computed against a base that the endpoint does not have, too old or of a time that a backup took back: pull the current
    /// one, and compute it again.
    Stale,
    /// These bytes will never be taken.
    Refused(Cow<'static, str>),
    /// It was not taken, for a reason that time or an operator may mend; not before so many seconds, if it says so.
    Later(Cow<'static, str>, Option<f64>),
}

/// What an answer told, as far as it told it.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) code: Option<String>,
    pub(crate) acknowledged: Option<u64>,
    pub(crate) repeat: bool,
    pub(crate) version: Option<u64>,
    /// Seconds.
    pub(crate) retry_after: Option<f64>,
}

/// The meaning of a status and an answer to delta number `seq`.
pub(crate) fn verdict(seq: u64, status: u16, answer: Answer) -> Verdict {
    let code = answer.code.unwrap_or_else(|| http_code(status));
    match (status, answer.version, &*code) {
        (200, Some(version), _) if answer.acknowledged == Some(seq) => {
            Verdict::Acknowledged { repeat: answer.repeat, version }
        }
        (409, _, "sequence_gap") => Verdict::Gap,
        (409, _, "unknown_base") | (410, _, _) => Verdict::Stale,
        (400, _, "bad_delta" | "delta_format") | (413, _, _) => Verdict::Refused(code.into()),
        _ => Verdict::Later(code.into(), answer.retry_after),
    }
}

/// The code of a status that came without one.
pub(crate) fn http_code(status: u16) -> String {
    ["http_", &status.to_string()].concat()
}

impl Session {
    /// Takes a verdict on a delta in; nothing happens if another tab did so before. `key` is a new one.
    pub(crate) fn hear(&mut self, delta: &PendingDelta, verdict: &Verdict, key: [u8; 16]) {
        match verdict {
            Verdict::Acknowledged { .. } => self.acknowledge(delta),
            Verdict::Gap | Verdict::Stale => self.reject(delta, key),
            Verdict::Refused(_) => self.discard(delta, key),
            Verdict::Later(..) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16, code: &str) -> Verdict {
        verdict(1, status, Answer { code: Some(code.into()), ..Answer::default() })
    }

    #[test]
    fn an_answer_is_taken_by_its_status_and_its_code() {
        let fine = Answer { acknowledged: Some(1), version: Some(3), ..Answer::default() };
        assert_eq!(verdict(1, 200, fine), Verdict::Acknowledged { repeat: false, version: 3 });
        assert_eq!(problem(409, "sequence_gap"), Verdict::Gap);
        assert_eq!(problem(409, "unknown_base"), Verdict::Stale);
        assert_eq!(problem(410, "stale_base"), Verdict::Stale);
        assert_eq!(problem(400, "bad_delta"), Verdict::Refused("bad_delta".into()));
        assert_eq!(problem(400, "incomplete_body"), Verdict::Later("incomplete_body".into(), None));
        assert_eq!(problem(409, "wrong_factors"), Verdict::Later("wrong_factors".into(), None));
        let busy = Answer { code: Some("busy".into()), retry_after: Some(7.0), ..Answer::default() };
        assert_eq!(verdict(1, 503, busy), Verdict::Later("busy".into(), Some(7.0)));
        assert_eq!(verdict(1, 418, Answer::default()), Verdict::Later("http_418".into(), None));
    }

    #[test]
    fn a_200_of_somebody_else_is_no_acknowledgement() {
        // A captive portal answers every request with its own page.
        assert_eq!(verdict(1, 200, Answer::default()), Verdict::Later("http_200".into(), None));
    }
}
