//! What a run leaves behind: shared by the engine, which writes, and the handle.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::{
    config::Config, power::Meter, sockets::ConnectionReport, start::Counters,
    transcript::Transcript,
};

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) start: Instant,
    pub(crate) transcript: Transcript,
    pub(crate) counters: Counters,
    pub(crate) connections: Vec<ConnectionReport>,
    pub(crate) meter: Meter,
}

/// A record in two hands.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<(Mutex<Record>, Condvar)>);

impl Shared {
    pub(crate) fn new(config: &Config) -> std::io::Result<Self> {
        let file = config.transcript_file.as_deref();
        let record = Mutex::new(Record {
            start: Instant::now(),
            transcript: Transcript::new(config.transcript_lines, file)?,
            counters: Counters::default(),
            connections: Vec::new(),
            meter: Meter::new(config.power),
        });
        Ok(Self(Arc::new((record, Condvar::new()))))
    }

    /// A panic in another thread does not hide the record from a test that wants it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client of the UART went.
    pub(crate) fn client_gone(&self) {
        self.lock().counters.clients += 1;
        self.0.1.notify_all();
    }

    pub(crate) fn wait_for_end_of_client(&self) {
        let mut record = self.lock();
        while record.counters.clients == 0 {
            let waited = self.0.1.wait(record);
            record = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}
