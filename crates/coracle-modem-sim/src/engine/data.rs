//! Announced data.

use std::time::Instant;

use crate::{
    answer::{Done, Refusal},
    core::Want,
    engine::Engine,
    fault::FaultKind,
    output::flip_bit,
    timers::Timer,
};

impl Engine {
    pub(super) fn data<'a>(&mut self, mut want: Want, bytes: &'a [u8]) -> &'a [u8] {
        if Instant::now() < want.not_before {
            let count = bytes.len();
            let text = format!("{count} bytes too soon after the prompt");
            self.core.log('!', &text);
            self.core.want = Some(want);
            return &[];
        }
        let (end, is_complete, is_cancelled) = data_end(&want, bytes);
        let (mine, rest) = bytes.split_at(end);
        want.got.extend_from_slice(mine);
        if !is_complete {
            self.core.want = Some(want);
            return rest;
        }
        if want.len.is_none() {
            want.got.pop();
        }
        self.data_done(want, is_cancelled);
        rest
    }

    pub(super) fn data_done(&mut self, mut want: Want, is_cancelled: bool) {
        self.core.timers.cancel(Timer::DataLate);
        self.core.log('>', &format!("[{} bytes]", want.got.len()));
        self.core.is_busy = true;
        if self.core.fires(FaultKind::UploadFlip) {
            flip_bit(&mut want.got, &mut self.core.faults);
        }
        let answer = match is_cancelled {
            true => Ok(Done::Ok),
            false => self.vendor.data(&mut self.core, want.purpose, want.got),
        };
        self.end(answer);
    }

    pub(super) fn data_late(&mut self) {
        let Some(want) = self.core.want.take() else {
            return;
        };
        let text = format!("data given up after {} bytes", want.got.len());
        self.core.log('*', &text);
        self.end(Err(Refusal::Error));
    }
}

/// How many of `bytes` belong to the data, whether they complete it, and whether the
/// firmware thought better of it.
fn data_end(want: &Want, bytes: &[u8]) -> (usize, bool, bool) {
    const CTRL_Z: u8 = 0x1a;
    const ESCAPE: u8 = 0x1b;
    match want.len {
        Some(len) => {
            let left = len.saturating_sub(want.got.len());
            (left.min(bytes.len()), bytes.len() >= left, false)
        }
        None => {
            let is_end = |byte: &u8| matches!(*byte, CTRL_Z | ESCAPE);
            match bytes.iter().position(is_end) {
                Some(end) => (end + 1, true, bytes.get(end) == Some(&ESCAPE)),
                None => (bytes.len(), false, false),
            }
        }
    }
}
