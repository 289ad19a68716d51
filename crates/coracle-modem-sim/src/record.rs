//! What a run leaves behind: shared by the engine, which writes, and the handle.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::{config::Config, sockets::ConnectionReport, start::Counters, transcript::Transcript};

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) start: Instant,
    pub(crate) transcript: Transcript,
    pub(crate) counters: Counters,
    pub(crate) connections: Vec<ConnectionReport>,
}

/// A record in two hands.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Record>>);

impl Shared {
    pub(crate) fn new(config: &Config) -> std::io::Result<Self> {
        let file = config.transcript_file.as_deref();
        Ok(Self(Arc::new(Mutex::new(Record {
            start: Instant::now(),
            transcript: Transcript::new(config.transcript_lines, file)?,
            counters: Counters::default(),
            connections: Vec::new(),
        }))))
    }

    /// A panic in another thread does not hide the record from a test that wants it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
