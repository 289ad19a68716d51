//! A socket that gives up in time.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::host::{HostConfig, HostError};

/// Applies the timeout of a byte and the deadline of a request to every operation.
#[derive(Debug)]
pub(super) struct TimedStream {
    socket: TcpStream,
    config: HostConfig,
    /// `None` where the deadline is beyond what the clock can tell.
    until: Option<Instant>,
    /// Whether the next byte written begins another request.
    is_answering: bool,
}

impl TimedStream {
    /// The time runs from now on, for the handshake.
    pub(super) fn new(socket: TcpStream, config: HostConfig) -> Self {
        // A request goes out in few windows; waiting to join them only costs time.
        // A socket that cannot do this still works.
        let _ = socket.set_nodelay(true);
        Self {
            socket,
            config,
            until: Instant::now().checked_add(config.deadline),
            is_answering: true,
        }
    }

    /// The caller writes: where it read before, this is the next request.
    pub(super) fn begin_request(&mut self) {
        if self.is_answering {
            self.until = Instant::now().checked_add(self.config.deadline);
        }
        self.is_answering = false;
    }

    pub(super) fn begin_answer(&mut self) {
        self.is_answering = true;
    }

    fn timeout(&self) -> io::Result<Duration> {
        let left = self.until.map_or(Duration::MAX, |until| {
            until.saturating_duration_since(Instant::now())
        });
        if left.is_zero() {
            return Err(io::Error::other(HostError::Deadline));
        }
        // Zero would mean forever.
        Ok(left
            .min(self.config.io_timeout)
            .max(Duration::from_millis(1)))
    }

    /// Where the deadline cut a wait short, it is the reason.
    fn explain(&self, error: io::Error) -> io::Error {
        let is_timeout = matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
        );
        if is_timeout && self.timeout().is_err() {
            return io::Error::other(HostError::Deadline);
        }
        error
    }
}

impl Read for TimedStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.timeout()?))?;
        self.socket.read(buf).map_err(|error| self.explain(error))
    }
}

impl Write for TimedStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.timeout()?))?;
        self.socket.write(buf).map_err(|error| self.explain(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_deadline_starts_anew_with_each_request() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut stream = TimedStream::new(socket, HostConfig::default());
        stream.begin_request();
        stream.begin_answer();
        assert!(stream.timeout().is_ok());
        let pass = |stream: &mut TimedStream| stream.until = Some(Instant::now());
        pass(&mut stream);
        stream.begin_answer();
        assert!(stream.timeout().is_err(), "reading on gives no more time");
        stream.begin_request();
        assert!(stream.timeout().is_ok());
        pass(&mut stream);
        stream.begin_request();
        assert!(stream.timeout().is_err(), "nor does writing on");
    }
}
