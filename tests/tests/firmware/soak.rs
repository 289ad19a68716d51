//! Many runs with a modem that fails.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use coracle_modem_sim::FaultKind;
use coracle_tests::firmware::{Chain, Ended, Level, Report};

use super::judge;

/// What one run came to, nothing being wrong with it.
#[derive(Debug)]
pub(crate) struct Verdict {
    is_whole: bool,
    on_chain: usize,
    fired: Vec<(FaultKind, u32)>,
    failure: Option<String>,
}

/// Every reading is on the chain once, or the device ended by itself with a typed failure.
pub(crate) fn verdict(chain: &Chain, report: &Report, readings: u32) -> Result<Verdict, String> {
    let found = judge::judge(chain, report)?;
    let failure = report.lines.iter().rfind(|line| line.level == Level::Error);
    let failure = failure.map(|line| line.message.clone());
    let is_whole = found == judge::Judgement::all(readings);
    match (report.ended, is_whole, &failure) {
        (Ended::Exited(0), true, None) | (Ended::Exited(1), _, Some(_)) => Ok(Verdict {
            is_whole,
            on_chain: found.on_chain,
            fired: report.counters.fired.clone(),
            failure,
        }),
        (ended, ..) => Err(format!("{ended:?}, {found:?}, failure {failure:?}")),
    }
}

/// Runs `work` for each seed on two threads; results in order of the seeds.
pub(crate) fn two_at_once<T: Send>(
    seeds: std::ops::Range<u64>,
    work: impl Fn(u64) -> T + Sync,
) -> Vec<T> {
    let next = AtomicU64::new(seeds.start);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let seed = next.fetch_add(1, Ordering::Relaxed)
                    && seed < seeds.end
                {
                    let result = work(seed);
                    done.lock().unwrap().push((seed, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(seed, _)| *seed);
    done.into_iter().map(|(_, result)| result).collect()
}

/// All runs together.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    whole: usize,
    failed: Vec<String>,
    on_chain: usize,
    faults: u32,
    wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, verdict: &Verdict) {
        self.whole += usize::from(verdict.is_whole);
        self.failed.extend(verdict.failure.clone());
        self.on_chain += verdict.on_chain;
        self.faults += verdict.fired.iter().map(|(_, count)| count).sum::<u32>();
    }

    pub(crate) fn fail(&mut self, fault: String) {
        self.wrong.push(fault);
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.wrong.is_empty()
    }

    pub(crate) fn first_fault(&self) -> &str {
        self.wrong.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs whole, {} ended with a typed failure, {} wrong; {} readings on the chain, \
             {} faults",
            self.whole,
            self.failed.len(),
            self.wrong.len(),
            self.on_chain,
            self.faults
        )?;
        for failure in &self.failed {
            write!(f, "\n  {failure}")?;
        }
        Ok(())
    }
}
