//! Closes a connection whose client reads an answer too slowly. The kernel cuts off a client that reads nothing at all;
//! a client that reads a byte now and then could hold an answer open for as long as it likes.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// What a client that is behind must read within each write deadline (a minute, unless the operator sets another one).
/// It is far less than even slow networks carry, and more than the kernel needs to report that there is room again.
const LEAST_BYTES: u64 = 30 * 1024;

/// A stream whose writes make progress or fail.
#[derive(Debug)]
pub(super) struct MinimumThroughput<S> {
    stream: S,
    window: Duration,
    /// Event streams have their own rule: a subscriber that is behind is told to resume.
    progress: Progress,
    /// While the client is behind: how much it has read in the current window.
    behind: Option<SlowWindow>,
}

/// What the connection's service knows of the stream, and the stream of the service. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    is_exempt: AtomicBool,
    is_behind: AtomicBool,
}

#[derive(Debug)]
struct SlowWindow {
    window_ends: Pin<Box<Sleep>>,
    taken_bytes: u64,
}

impl Progress {
    /// Says whether the current answer is exempt from the rule.
    pub(super) fn exempt(&self, is_exempt: bool) {
        self.0.is_exempt.store(is_exempt, Ordering::Relaxed);
    }

    /// Returns whether the client has yet to read something before the next answer can reach the kernel.
    pub(super) fn is_behind(&self) -> bool {
        self.0.is_behind.load(Ordering::Relaxed)
    }
}

impl<S> MinimumThroughput<S> {
    pub(super) const fn new(stream: S, window: Duration, progress: Progress) -> Self {
        Self { stream, window, progress, behind: None }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// Counts the result of a write. A write that has to wait fails at the end of a window in which too little was
    /// read.
    fn judge(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            if let (Some(behind), Ok(bytes)) = (&mut self.behind, &written) {
                behind.taken_bytes += u64::try_from(*bytes).unwrap_or(u64::MAX);
            }
            return Poll::Ready(written);
        }
        self.progress.0.is_behind.store(true, Ordering::Relaxed);
        if self.progress.0.is_exempt.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let begin = || SlowWindow { window_ends: Box::pin(sleep(self.window)), taken_bytes: 0 };
        let behind = self.behind.get_or_insert_with(begin);
        loop {
            ready!(behind.window_ends.as_mut().poll(context));
            if behind.taken_bytes < LEAST_BYTES {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")));
            }
            behind.taken_bytes = 0;
            behind.window_ends.as_mut().reset(Instant::now() + self.window);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MinimumThroughput<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Everything that was to be written has reached the kernel, so the client is not behind.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.behind = None;
        self.progress.0.is_behind.store(false, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MinimumThroughput<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const WINDOW: Duration = Duration::from_millis(20);

    fn behind(progress: &Progress) -> MinimumThroughput<DuplexStream> {
        MinimumThroughput::new(duplex(1).0, WINDOW, progress.clone())
    }

    /// Reads this many bytes and then no more. Returns how long the write waits before it fails.
    async fn fails_after_taking(bytes: usize) -> Duration {
        let mut stream = behind(&Progress::default());
        let begun = Instant::now();
        let taken = poll_fn(|context| {
            assert!(stream.judge(context, Poll::Pending).is_pending());
            stream.judge(context, Poll::Ready(Ok(bytes)))
        });
        assert_eq!(taken.await.unwrap(), bytes);
        let failure = poll_fn(|context| stream.judge(context, Poll::Pending)).await.unwrap_err();
        assert_eq!(failure.kind(), io::ErrorKind::TimedOut);
        begun.elapsed()
    }

    #[tokio::test]
    async fn a_client_gets_another_window_after_each_one_in_which_it_reads_enough() {
        assert!(fails_after_taking(30 * 1024 - 1).await >= WINDOW);
        assert!(fails_after_taking(30 * 1024).await >= 2 * WINDOW);
    }

    #[tokio::test]
    async fn a_client_that_has_caught_up_or_is_exempt_is_not_behind() {
        let progress = Progress::default();
        let mut stream = behind(&progress);
        assert!(poll_fn(|context| Poll::Ready(stream.judge(context, Poll::Pending))).await.is_pending());
        assert!(stream.behind.is_some() && progress.is_behind());
        stream.flush().await.unwrap();
        assert!(stream.behind.is_none() && !progress.is_behind());
        progress.exempt(true);
        assert!(poll_fn(|context| Poll::Ready(stream.judge(context, Poll::Pending))).await.is_pending());
        assert!(stream.behind.is_none());
    }
}
