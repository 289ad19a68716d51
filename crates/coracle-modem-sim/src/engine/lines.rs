//! Bytes from the firmware, and the command lines in them.

use std::time::Duration;

use crate::{
    answer::{Answer, Done, Refusal},
    command::Command,
    core::Power,
    engine::{Engine, MAX_LINE},
    fault::FaultKind,
    network::stat,
    output::{drop_byte, flip_bit},
    standard,
    timers::Timer,
    transcript::printable,
};

impl Engine {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let is_asleep = self.core.sleep_allowed && !self.core.dtr;
        if self.core.power != Power::On || is_asleep {
            let count = bytes.len();
            return self.core.log(
                '*',
                &format!("{count} bytes to a modem that is off or asleep"),
            );
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.core.is_blocked {
                return self.backlog.extend_from_slice(rest);
            }
            rest = match self.core.want.take() {
                Some(want) => self.data(want, rest),
                None => self.text(rest),
            };
            // A command may have switched the modem off.
            if self.core.power != Power::On {
                return;
            }
        }
    }

    /// Takes bytes of a command line, up to its end; gives back the rest.
    fn text<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\r');
        let (line, rest) = match end {
            Some(end) => bytes.split_at(end + 1),
            None => (bytes, [].as_slice()),
        };
        if self.core.profile.echo {
            self.core.raw(line);
        }
        for byte in line {
            match byte {
                b'\r' | b'\n' => {}
                8 | 127 => drop(self.line.pop()),
                byte if self.line.len() < MAX_LINE => self.line.push(*byte),
                _ => {}
            }
        }
        match end {
            Some(_) => {
                let line = std::mem::take(&mut self.line);
                self.line_end(line);
            }
            None => self.core.flush(),
        }
        rest
    }

    fn line_end(&mut self, mut line: Vec<u8>) {
        self.core.command = String::from_utf8_lossy(&line).into_owned();
        if line.is_empty() {
            return self.core.flush();
        }
        self.core.log('>', &printable(&line));
        if self.core.fires(FaultKind::CommandDrop) {
            drop_byte(&mut line, &mut self.core.faults);
        }
        if self.core.fires(FaultKind::CommandFlip) {
            flip_bit(&mut line, &mut self.core.faults);
        }
        let Some(commands) = Command::parse_line(&String::from_utf8_lossy(&line)) else {
            return self.core.flush();
        };
        self.core.record.lock().counters.commands += 1;
        if self.mishap() {
            return;
        }
        self.core.is_busy = true;
        let answer = match line.len() < MAX_LINE {
            true => self.commands(&commands),
            false => Err(Refusal::Error),
        };
        self.end(answer);
    }

    /// Faults that strike when a command comes; true if it is not worked on.
    fn mishap(&mut self) -> bool {
        if self.core.fires(FaultKind::Reset) {
            self.power_on();
            return true;
        }
        if self.core.network.is_registered() && self.core.fires(FaultKind::RegistrationLoss) {
            let outage = self.core.faults.outage_ms();
            self.core.deregister(stat::SEARCHING);
            let outage = Duration::from_millis(outage.into());
            self.core.timers.set(outage, Timer::OutageOver);
        }
        let is_connected = self.core.network.contexts.values().any(|one| one.is_active);
        if is_connected && self.core.fires(FaultKind::PdpLoss) {
            let registered = self.core.network.is_attached;
            self.core.drop_contexts();
            self.core.network.is_attached = registered;
        }
        if self.core.fires(FaultKind::EchoOn) {
            self.core.profile.echo = true;
        }
        if self.core.fires(FaultKind::Silence) {
            self.core.flush();
            return true;
        }
        false
    }

    fn commands(&mut self, commands: &[Command]) -> Answer {
        if self.core.fires(FaultKind::CmeError) {
            let code = [3, 14, 30, 100].get(self.core.faults.below(4));
            return Err(Refusal::Cme(code.copied().unwrap_or(100)));
        }
        for command in commands {
            let done = self.command(command)?;
            if done != Done::Ok {
                return Ok(done);
            }
        }
        Ok(Done::Ok)
    }

    fn command(&mut self, command: &Command) -> Answer {
        let personality = self.core.personality;
        let (name, _) = personality.power_off;
        if command.name == name {
            self.core.finish(Ok(Done::Ok));
            self.core.flush();
            self.power_down();
            return Ok(Done::Said);
        }
        if let Some(restart) = standard::restart(&mut self.core, command) {
            self.core.finish(restart);
            self.core.flush();
            self.power_on();
            return Ok(Done::Said);
        }
        if let Some(answer) = self.vendor.command(&mut self.core, command) {
            return answer;
        }
        standard::command(&mut self.core, command).unwrap_or(Err(Refusal::Error))
    }

    pub(super) fn end(&mut self, answer: Answer) {
        if answer == Ok(Done::Wait) {
            self.core.is_blocked = true;
            return self.core.flush();
        }
        self.core.finish(answer);
        self.core.flush();
        self.core.is_busy = false;
        self.core.release();
    }
}
