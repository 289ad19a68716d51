//! The device's log: defmt frames to lines.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::mpsc::Sender;

use defmt_decoder::{DecodeError, Frame, Locations, Table};

use super::error::{Error, Result};
use super::image::Image;

/// How urgent a line is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Of interest while looking for a fault.
    Trace,
    /// Of interest while developing.
    Debug,
    /// The course of things, or a result (`defmt::println`).
    Info,
    /// Unusual, and dealt with.
    Warn,
    /// Failed.
    Error,
}

impl Level {
    /// By the name that defmt gives it.
    fn named(name: &str) -> Self {
        match name {
            "trace" => Self::Trace,
            "debug" => Self::Debug,
            "warn" => Self::Warn,
            "error" => Self::Error,
            _ => Self::Info,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        })
    }
}

/// One line that the device logged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// How urgent it is.
    pub level: Level,
    /// What it says.
    pub message: String,
    /// The device's time, as it writes it.
    pub timestamp: Option<String>,
    /// Where in the sources it was logged, as `path:line`.
    pub place: Option<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(timestamp) = &self.timestamp {
            write!(f, "{timestamp:>10} ")?;
        }
        write!(f, "{:<5} {}", self.level, self.message)
    }
}

/// What an image logs, by the numbers that it sends.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: Table,
    locations: Locations,
}

impl Decoder {
    pub(crate) fn new(image: &Image) -> Result<Self> {
        let place = || image.path().display();
        let table = Table::parse(image.bytes()).map_err(|error| Error::at(place(), error))?;
        let table = table.ok_or_else(|| Error::at(place(), "has no defmt log"))?;
        // Without debug information lines have no place; they are lines all the same.
        let locations = table.get_locations(image.bytes()).unwrap_or_default();
        Ok(Self { table, locations })
    }

    /// Sends each line as soon as its last byte has come; returns at the end of the log,
    /// or when nobody listens.
    pub(crate) fn run(&self, mut log: impl Read, lines: &Sender<Line>) {
        let mut decoder = self.table.new_stream_decoder();
        let mut buf = [0; 4096];
        while let Ok(len @ 1..) = log.read(&mut buf) {
            decoder.received(&buf[..len]);
            loop {
                let (line, goes_on) = match decoder.decode() {
                    Ok(frame) => (self.line(&frame), true),
                    Err(DecodeError::UnexpectedEof) => break,
                    Err(DecodeError::Malformed) => {
                        (malformed(), self.table.encoding().can_recover())
                    }
                };
                if lines.send(line).is_err() || !goes_on {
                    return;
                }
            }
        }
    }

    fn line(&self, frame: &Frame<'_>) -> Line {
        let place = self.locations.get(&frame.index());
        Line {
            level: frame
                .level()
                .map_or(Level::Info, |level| Level::named(level.as_str())),
            message: frame.display_message().to_string(),
            timestamp: frame.display_timestamp().map(|time| time.to_string()),
            place: place.map(|at| format!("{}:{}", relative(&at.file), at.line)),
        }
    }
}

/// `xtask firmware` calls the checkout `/coracle`.
fn relative(path: &Path) -> String {
    let path = path.strip_prefix("/coracle").unwrap_or(path);
    path.display().to_string()
}

/// Stands in the log for bytes that are no frame: a device that writes past its logger.
fn malformed() -> Line {
    Line {
        level: Level::Error,
        message: "bytes that are no log frame".into(),
        timestamp: None,
        place: None,
    }
}
