//! Puts words to what hyper answers by itself where no request could be read: it has a status and nothing else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::problem::{Code, Problem};

/// A stream on which such answers become problem documents. All others have a header that these lack.
#[derive(Debug)]
pub(crate) struct Bare<S> {
    stream: S,
    /// What is written in the place of an answer, and how much of it is.
    instead: Option<(Vec<u8>, usize)>,
}

impl<S> Bare<S> {
    pub(crate) fn new(stream: S) -> Bare<S> {
        Bare { stream, instead: None }
    }
}

/// The problem that a bare answer is, if it is one.
fn problem(answer: &[u8]) -> Option<Problem> {
    let text = std::str::from_utf8(answer).ok()?.strip_prefix("HTTP/1.1 ")?;
    let is_bare = text.ends_with("\r\n\r\n")
        && text.contains("\r\ncontent-length: 0\r\n")
        && !text.contains("x-content-type-options");
    let (code, detail) = match text.get(..3).filter(|_| is_bare)? {
        "400" => (Code::BadRequest, "this is no HTTP/1.1 request"),
        "414" => (Code::UriTooLong, "the address is too long"),
        "431" => (Code::HeadersTooLarge, "the headers are too many or too large"),
        _ => return None,
    };
    Some(Problem::new(code, detail))
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bare<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, answer: &[u8]) -> Poll<io::Result<usize>> {
        let Bare { stream, instead } = &mut *self;
        if instead.is_none() {
            *instead = problem(answer).map(|problem| (problem.to_bytes(), 0));
        }
        let Some((bytes, written)) = instead else { return Pin::new(stream).poll_write(context, answer) };
        while *written < bytes.len() {
            *written += match ready!(Pin::new(&mut *stream).poll_write(context, &bytes[*written..]))? {
                0 => return Poll::Ready(Ok(0)),
                some => some,
            };
        }
        *instead = None;
        Poll::Ready(Ok(answer.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        answers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A bare answer is one piece.
        match answers {
            [answer] => self.poll_write(context, answer),
            _ => Pin::new(&mut self.stream).poll_write_vectored(context, answers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bare<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}
