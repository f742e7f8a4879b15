//! Taking turns inside one page: an asynchronous mutex for a single thread.

use alloc::collections::VecDeque;
use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::task::{Poll, Waker};

/// Only one holder at a time; the others wait.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    taken: Cell<bool>,
    waiting: RefCell<VecDeque<Waker>>,
}

/// The turn is passed on when this is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a Turn);

impl Turn {
    /// Waits for the turn.
    pub(crate) async fn take(&self) -> Held<'_> {
        poll_fn(|context| {
            if self.taken.replace(true) {
                self.waiting.borrow_mut().push_back(context.waker().clone());
                Poll::Pending
            } else {
                Poll::Ready(Held(self))
            }
        })
        .await
    }

    /// Whether somebody holds it now.
    pub(crate) fn is_taken(&self) -> bool {
        self.taken.get()
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.taken.set(false);
        let next = self.0.waiting.borrow_mut().pop_front();
        if let Some(next) = next {
            next.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use core::future::Future;
    use core::pin::pin;
    use core::task::Context;

    use super::*;

    #[test]
    fn the_turn_is_passed_on() {
        let turn = Turn::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut first = pin!(turn.take());
        let mut second = pin!(turn.take());
        let Poll::Ready(held) = first.as_mut().poll(&mut context) else { panic!("nobody held the turn") };
        assert!(second.as_mut().poll(&mut context).is_pending());
        drop(held);
        assert!(second.as_mut().poll(&mut context).is_ready());
        assert!(!turn.is_taken());
    }
}
