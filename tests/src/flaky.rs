//! A network that loses, delays, repeats and cuts what goes through it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use coracle_testkit::SeededRng;

use crate::proxy::{Ask, Proxy, Reply};

/// What can happen to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mishap {
    /// It is lost before it reaches the node.
    RequestLost,
    /// The node has it, and its answer is lost.
    AnswerLost,
    /// The connection ends in the midst of the answer.
    AnswerCut,
    /// It takes up to 300 ms.
    Delayed,
    /// The node gets it twice; the second answer is given.
    Repeated,
    /// It is lost, and the node gets it after a later one.
    Late,
}

impl Mishap {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::RequestLost,
        Self::AnswerLost,
        Self::AnswerCut,
        Self::Delayed,
        Self::Repeated,
        Self::Late,
    ];
}

/// How often each mishap happened, in the order of [`Mishap::ALL`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Requests in all.
    pub requests: usize,
    /// Those with a mishap.
    pub mishaps: [usize; Mishap::ALL.len()],
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests", self.requests)?;
        for (mishap, count) in Mishap::ALL.iter().zip(self.mishaps) {
            write!(f, ", {mishap:?} {count}")?;
        }
        Ok(())
    }
}

/// A proxy to which mishaps happen; stops when dropped.
#[derive(Debug)]
pub struct Flaky {
    proxy: Proxy,
    tally: Arc<Mutex<Tally>>,
}

impl Flaky {
    /// A proxy before the node `upstream` with a mishap in so many of a hundred requests.
    pub fn start(upstream: &str, percent: usize, seed: u64) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let mut network = Network {
            rng: SeededRng::new(seed),
            percent,
            late: None,
            tally: tally.clone(),
        };
        let proxy = Proxy::start(upstream, move |ask| network.carry(ask));
        Self { proxy, tally }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        self.proxy.url()
    }

    /// What happened so far.
    pub fn tally(&self) -> Tally {
        *lock(&self.tally)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Network {
    rng: SeededRng,
    percent: usize,
    /// A request that the node gets later.
    late: Option<Ask>,
    tally: Arc<Mutex<Tally>>,
}

/// The end of the connection, and nothing before it.
const NOTHING: Reply = Reply::Raw(Vec::new());

impl Network {
    fn carry(&mut self, ask: &Ask) -> Reply {
        lock(&self.tally).requests += 1;
        let which = match self.rng.below(100) < self.percent {
            true => self.rng.below(Mishap::ALL.len()),
            false => return self.deliver(ask),
        };
        lock(&self.tally).mishaps[which] += 1;
        match Mishap::ALL[which] {
            Mishap::RequestLost => NOTHING,
            Mishap::AnswerLost => {
                ask.forward();
                NOTHING
            }
            Mishap::AnswerCut => {
                let answer = ask.forward().to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    answer.len()
                );
                let cut = self.rng.below(answer.len());
                Reply::Raw([head.as_bytes(), &answer.as_bytes()[..cut]].concat())
            }
            Mishap::Delayed => {
                thread::sleep(Duration::from_millis(self.rng.below(300) as u64));
                ask.honest()
            }
            Mishap::Repeated => {
                ask.forward();
                ask.honest()
            }
            Mishap::Late => {
                self.late = Some(ask.again());
                NOTHING
            }
        }
    }

    fn deliver(&mut self, ask: &Ask) -> Reply {
        let answer = ask.honest();
        if let Some(late) = self.late.take_if(|_| self.rng.below(4) == 0) {
            late.forward();
        }
        answer
    }
}
