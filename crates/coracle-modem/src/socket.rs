//! A connection that the modem holds.

use embassy_futures::yield_now;
use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{ErrorType, Read, Write};

use crate::Error;
use crate::at::{State, Uart};
use crate::dialect::Dialect;
use crate::modem::{Core, Modem};
use crate::pins::ControlPins;

/// A connection that the modem holds.
///
/// Dropping it closes it, at the latest when the modem is next used: a drop cannot wait.
/// Reads give up with [`Error::Timeout`] after [`Timeouts::read_ms`](crate::Timeouts), the
/// connection staying usable.
///
/// # Cancel safety
///
/// Dropping a read that waits for the other side loses nothing. Dropping a future while
/// bytes cross the UART leaves it unknown which of them got across: the connection is given
/// up, and its next use is [`Error::ConnectionLost`].
pub struct Socket<'m, 'c, D, U, P, T>
where
    D: Dialect,
    U: Uart,
    P: ControlPins,
    T: DelayNs,
{
    modem: &'m Modem<'c, D, U, P, T>,
    slot: u8,
}

impl<'m, 'c, D, U, P, T> Socket<'m, 'c, D, U, P, T>
where
    D: Dialect,
    U: Uart,
    P: ControlPins,
    T: DelayNs,
{
    pub(crate) const fn new(modem: &'m Modem<'c, D, U, P, T>, slot: u8) -> Self {
        Self { modem, slot }
    }
}

impl<D, U, P, T> Drop for Socket<'_, '_, D, U, P, T>
where
    D: Dialect,
    U: Uart,
    P: ControlPins,
    T: DelayNs,
{
    fn drop(&mut self) {
        self.modem.abandon(self.slot);
    }
}

impl<D, U, P, T> ErrorType for Socket<'_, '_, D, U, P, T>
where
    D: Dialect,
    U: Uart,
    P: ControlPins,
    T: DelayNs,
{
    type Error = Error;
}

impl<D, U, P, T> Read for Socket<'_, '_, D, U, P, T>
where
    D: Dialect,
    U: Uart,
    P: ControlPins,
    T: DelayNs,
{
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if buf.is_empty() {
            return Ok(0);
        }
        let mut wait = Wait::default();
        loop {
            let mut core = self.modem.enter().await;
            if let Some(read) = core.read(self.slot, buf, &mut wait).await? {
                return Ok(read);
            }
            // Whoever else waits for the modem has it now.
            drop(core);
            yield_now().await;
        }
    }
}

impl<D, U, P, T> Write for Socket<'_, '_, D, U, P, T>
where
    D: Dialect,
    U: Uart,
    P: ControlPins,
    T: DelayNs,
{
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Error> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.modem.enter().await.write(self.slot, buf).await
    }

    /// Does nothing: what the modem took it sends by itself.
    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// How long a read has waited.
#[derive(Default)]
pub(crate) struct Wait {
    total_ms: u32,
    since_poll_ms: u32,
}

/// A wait is cut into so many parts a poll, so that others get the modem in between.
const PARTS: u32 = 16;

impl<D: Dialect, U: Uart, P: ControlPins, T: DelayNs> Core<'_, D, U, P, T> {
    /// Reads, or waits for a while: `None` is to be called again.
    async fn read(
        &mut self,
        slot: u8,
        buf: &mut [u8],
        wait: &mut Wait,
    ) -> Result<Option<usize>, Error> {
        self.usable(slot).await?;
        let timeouts = *self.at.timeouts();
        let known = self.at.sockets().get(slot);
        if known.readable || known.closed || wait.since_poll_ms >= timeouts.poll_ms {
            wait.since_poll_ms = 0;
            let read = self.receive(slot, buf).await?;
            if read > 0 || known.closed {
                return Ok(Some(read));
            }
        }
        if wait.total_ms >= timeouts.read_ms {
            return Err(Error::Timeout);
        }
        let part_ms = (timeouts.poll_ms / PARTS).max(1);
        // News count as a part, so that a flood of them ends too.
        self.at.listen(part_ms).await?;
        wait.total_ms = wait.total_ms.saturating_add(part_ms);
        wait.since_poll_ms = wait.since_poll_ms.saturating_add(part_ms);
        Ok(None)
    }

    async fn write(&mut self, slot: u8, buf: &[u8]) -> Result<usize, Error> {
        self.usable(slot).await?;
        let len = buf.len().min(D::TABLE.max_send.into());
        let id = self.at.sockets().get(slot).id;
        let bytes = buf.get(..len).unwrap_or_default();
        self.at.sockets().set(slot, State::Busy);
        let sent = self.dialect.send(&mut self.at, id, bytes).await;
        // Nothing taken and nothing refused would have the caller try for ever.
        let sent = sent.and_then(|sent| match sent {
            0 => Err(Error::SendFailed),
            _ => Ok(sent.min(len)),
        });
        self.settle(slot, sent)
    }

    async fn receive(&mut self, slot: u8, buf: &mut [u8]) -> Result<usize, Error> {
        let len = buf.len().min(D::TABLE.max_receive.into());
        let known = self.at.sockets().get(slot);
        let out = buf.get_mut(..len).unwrap_or_default();
        self.at.sockets().set(slot, State::Busy);
        // Before the command: what arrives during it is news.
        self.at.sockets().set_readable(slot, false);
        let read = match self.dialect.receive(&mut self.at, known.id, out).await {
            Ok(read) => {
                // News come once, until the modem's buffer was found empty.
                if read.more {
                    self.at.sockets().set_readable(slot, true);
                }
                Ok(read.len.min(len))
            }
            Err(error) => self.ended(slot, error).await,
        };
        self.settle(slot, read)
    }

    /// A modem that has let a socket go refuses to read from it: that is the end of what
    /// came, if the other side closed, of which the notice may come only now.
    async fn ended(&mut self, slot: u8, error: Error) -> Result<usize, Error> {
        if !matches!(error, Error::Refused | Error::RefusedWith(_)) {
            return Err(error);
        }
        if !self.at.sockets().get(slot).closed {
            self.at
                .listen(self.at.timeouts().command_ms / PARTS)
                .await?;
        }
        match self.at.sockets().get(slot).closed {
            true => Ok(0),
            false => Err(error),
        }
    }

    /// Ends a transfer: a failure gives the connection up.
    fn settle(&mut self, slot: u8, result: Result<usize, Error>) -> Result<usize, Error> {
        let state = match result {
            Ok(_) => State::Open,
            Err(error) if !error.is_fatal_to_socket() => State::Open,
            Err(_) => State::Dead { close: true },
        };
        self.at.sockets().set(slot, state);
        result
    }

    /// Mends the line, then tells whether the connection still is one.
    async fn usable(&mut self, slot: u8) -> Result<(), Error> {
        self.ready().await?;
        match self.at.sockets().get(slot).state {
            State::Open => Ok(()),
            _ => Err(Error::ConnectionLost),
        }
    }
}
