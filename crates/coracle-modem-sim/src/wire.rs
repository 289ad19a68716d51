//! A byte stream to a client, whatever it is made of.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
};

use rustix::{
    fs::{Mode, OFlags},
    pty::OpenptFlags,
    termios::OptionalActions,
};

/// One end of a connection.
#[derive(Debug)]
pub(crate) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
    Pty(File),
}

impl Wire {
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
            Self::Pty(file) => Self::Pty(file.try_clone()?),
        })
    }

    /// Ends both directions; a reader in another thread sees the end.
    pub(crate) fn shutdown(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
            Self::Pty(_) => Ok(()),
        };
    }
}

impl Read for &Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Tcp(stream) => (&mut &*stream).read(buf),
            Wire::Unix(stream) => (&mut &*stream).read(buf),
            Wire::Pty(file) => (&mut &*file).read(buf),
        }
    }
}

impl Write for &Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Tcp(stream) => (&mut &*stream).write(buf),
            Wire::Unix(stream) => (&mut &*stream).write(buf),
            Wire::Pty(file) => (&mut &*file).write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pseudo terminal in raw mode.
///
/// The far end is held open here: the near end then waits for bytes where it would
/// otherwise report an error until a client comes, and after one has gone.
#[derive(Debug)]
pub(crate) struct Pty {
    pub(crate) path: PathBuf,
    near: File,
    far: File,
}

impl Pty {
    pub(crate) fn open() -> io::Result<Self> {
        let near = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::pty::grantpt(&near)?;
        rustix::pty::unlockpt(&near)?;
        let name = rustix::pty::ptsname(&near, Vec::new())?;
        let path = PathBuf::from(name.to_string_lossy().into_owned());
        let far = rustix::fs::open(&path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
        make_raw(&far)?;
        Ok(Self {
            path,
            near: near.into(),
            far: far.into(),
        })
    }

    pub(crate) fn wire(&self) -> io::Result<Wire> {
        Ok(Wire::Pty(self.near.try_clone()?))
    }

    /// Makes a reader of the near end return.
    pub(crate) fn nudge(&mut self) {
        let _ = self.far.write_all(b"\0");
    }
}

fn make_raw(terminal: &OwnedFd) -> io::Result<()> {
    let mut settings = rustix::termios::tcgetattr(terminal)?;
    settings.make_raw();
    Ok(rustix::termios::tcsetattr(
        terminal,
        OptionalActions::Now,
        &settings,
    )?)
}
