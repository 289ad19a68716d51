//! QEMU's own control line: the machine is stopped, and its memory read, while it runs.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use super::error::{Error, Result};

/// A connection to a QEMU that was started with [`Config::qmp`](super::Config::qmp).
#[derive(Debug)]
pub struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    /// Connects to the socket that QEMU made.
    ///
    /// # Errors
    ///
    /// There is no socket, or nobody speaks QMP there.
    pub fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).map_err(|error| Error::at("QMP", error))?;
        let stream = BufReader::new(stream);
        let mut qmp = Self { stream };
        // The greeting.
        qmp.read()?;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Carries a command out; gives what it returns.
    ///
    /// # Errors
    ///
    /// QEMU refuses it, or is gone.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let line = format!(
            "{}\n",
            json!({ "execute": command, "arguments": arguments })
        );
        let written = self.stream.get_mut().write_all(line.as_bytes());
        written.map_err(|error| Error::at("QMP", error))?;
        loop {
            let mut answer = self.read()?;
            if let Some(error) = answer.get("error") {
                return Err(Error::at(command, error));
            }
            // Events come in between.
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }

    /// What stands in the machine's memory from `address` on. The machine does nothing
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// QEMU refuses it, or is gone.
    pub fn memory(&mut self, address: u64, len: usize) -> Result<Vec<u8>> {
        let folder = tempfile::tempdir().map_err(|error| Error::at("temporary folder", error))?;
        let path = folder.path().join("memory");
        self.execute("stop", json!({}))?;
        let arguments = json!({ "val": address, "size": len, "filename": path });
        let saved = self.execute("pmemsave", arguments);
        self.execute("cont", json!({}))?;
        saved?;
        fs::read(&path).map_err(|error| Error::at("memory of the machine", error))
    }

    /// Resets the machine, as its reset line does: memory stays. `before` is called while
    /// it does nothing.
    ///
    /// # Errors
    ///
    /// QEMU refuses it, or is gone.
    pub fn reset(&mut self, before: impl FnOnce()) -> Result {
        self.execute("stop", json!({}))?;
        before();
        self.execute("system_reset", json!({}))?;
        self.execute("cont", json!({})).map(drop)
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        read.map_err(|error| Error::at("QMP", error))?;
        serde_json::from_str(&line).map_err(|error| Error::at("QMP", error))
    }
}
