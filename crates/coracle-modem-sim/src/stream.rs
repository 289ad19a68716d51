//! A TCP connection, with or without TLS.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};

/// How long a TLS handshake may wait for the server.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a TLS connection needs besides the address.
#[derive(Clone, Debug)]
pub(crate) struct TlsClient {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    /// Held while records are made and written, so that they leave in order.
    tls: Option<Mutex<ClientConnection>>,
}

impl Stream {
    pub(crate) const fn plain(tcp: TcpStream) -> Self {
        Self { tcp, tls: None }
    }

    pub(crate) fn handshake(mut tcp: TcpStream, client: TlsClient) -> io::Result<Self> {
        let mut tls =
            ClientConnection::new(client.config, client.name).map_err(io::Error::other)?;
        tcp.set_read_timeout(Some(HANDSHAKE_TIMEOUT))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        tcp.set_read_timeout(None)?;
        let tls = Some(Mutex::new(tls));
        Ok(Self { tcp, tls })
    }

    /// Waits for bytes; 0 is the end.
    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &self.tls else {
            return (&self.tcp).read(buf);
        };
        let mut records = [0; 4096];
        loop {
            let mut locked = tls.lock().unwrap_or_else(PoisonError::into_inner);
            match locked.reader().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            drop(locked);
            let count = (&self.tcp).read(&mut records)?;
            let mut rest = records.get(..count).unwrap_or_default();
            let mut locked = tls.lock().unwrap_or_else(PoisonError::into_inner);
            if count == 0 {
                return Ok(0);
            }
            while !rest.is_empty() {
                locked.read_tls(&mut rest)?;
                locked.process_new_packets().map_err(io::Error::other)?;
            }
            self.flush(&mut locked)?;
        }
    }

    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &self.tls else {
            return (&self.tcp).write_all(bytes);
        };
        let mut locked = tls.lock().unwrap_or_else(PoisonError::into_inner);
        locked.writer().write_all(bytes)?;
        self.flush(&mut locked)
    }

    fn flush(&self, tls: &mut ClientConnection) -> io::Result<()> {
        while tls.wants_write() {
            tls.write_tls(&mut &self.tcp)?;
        }
        Ok(())
    }

    pub(crate) fn shutdown(&self) {
        if let Some(tls) = &self.tls {
            let mut locked = tls.lock().unwrap_or_else(PoisonError::into_inner);
            locked.send_close_notify();
            let _ = self.flush(&mut locked);
        }
        let _ = self.tcp.shutdown(Shutdown::Both);
    }
}
