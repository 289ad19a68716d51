//! The console: bytes to the host, apart from the log. What is exported goes here.

use core::convert::Infallible;

use crate::chip;

/// Writes bytes to the host. Waits while the host does not take them.
pub struct Console(());

impl Console {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl embedded_io::ErrorType for Console {
    type Error = Infallible;
}

impl embedded_io::Write for Console {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        for byte in buf {
            chip::CONSOLE.put_blocking(*byte);
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// As the blocking form: the host takes bytes faster than a task could be switched.
impl embedded_io_async::Write for Console {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        embedded_io::Write::write(self, buf)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
