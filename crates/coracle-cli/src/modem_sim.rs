//! `coracle modem-sim`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Args;
use coracle_modem_sim::{
    Config, Dialect, Faults, Handle, Listen, ModemSim, Name, PowerModel, PowerOn, SimCard,
};

use crate::failure::Within;
use crate::output::{Outcome, line};

#[derive(Args, Debug)]
pub(crate) struct ModemSimArgs {
    /// Whose commands the modem understands: quectel, simcom or ublox.
    #[arg(long, default_value = "quectel")]
    dialect: Dialect,
    /// Where the UART is: tcp:127.0.0.1:PORT (0 takes a free one), unix:PATH or pty.
    #[arg(long, value_name = "WHERE", default_value = "tcp:127.0.0.1:7000")]
    listen: Listen,
    /// Where the control pins are: one byte an edge, P R D assert, p r d release.
    #[arg(long, value_name = "WHERE")]
    control: Option<Listen>,
    /// A name that resolves, and the address on this machine that it leads to.
    #[arg(long, value_name = "NAME[:PORT]=ADDR:PORT")]
    map: Vec<Name>,
    /// What is in the SIM slot: ready, pin:1234, puk or absent.
    #[arg(long, default_value = "ready")]
    sim: SimCard,
    /// Wait for PWRKEY instead of switching on with the first client.
    #[arg(long, requires = "control")]
    off: bool,
    /// Line rate in bits per second; as fast as it goes by default.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1200..=4_000_000))]
    baud: Option<u32>,
    /// Misbehave, by a script drawn from this number.
    #[arg(long, value_name = "SEED")]
    faults: Option<u64>,
    /// Also lose and flip bytes of payload.
    #[arg(long, requires = "faults")]
    payload_faults: bool,
    /// Write what is said to a file.
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// End when the first client goes.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    power: PowerArgs,
}

/// The model of the report at the end.
#[derive(Args, Debug)]
struct PowerArgs {
    /// Time from radio off to the first byte, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    connect_ms: u32,
    /// The network's inactivity timer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    tail: u32,
    /// Active time before power saving, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    t3324: u32,
    /// Time between two tracking area updates, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    t3412: u32,
}

impl ModemSimArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        let once = self.once;
        let place = format!("{:?}", self.listen);
        let modem = ModemSim::start(self.config()).within(place)?;
        line(out, "uart", modem.address())?;
        if let Some(address) = modem.control_address() {
            line(out, "control", address)?;
        }
        out.flush()?;
        wait(&modem, once)?;
        let counters = modem.counters();
        writeln!(out, "{}", modem.report())?;
        line(out, "commands", counters.commands)?;
        for (kind, count) in &counters.fired {
            line(out, "fault", format_args!("{kind:?} {count}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn config(self) -> Config {
        let mut config = Config::new(self.dialect, self.listen);
        config.control = self.control;
        self.map.into_iter().for_each(|name| config.names.add(name));
        config.sim = self.sim;
        config.baud = self.baud;
        config.transcript_file = self.transcript;
        config.power = self.power.model();
        if self.off {
            config.power_on = PowerOn::PowerKey;
        }
        if let Some(seed) = self.faults {
            config.faults = Faults::from_seed(seed);
        }
        if self.payload_faults {
            config.faults = config.faults.with_payload_corruption();
        }
        config
    }
}

impl PowerArgs {
    fn model(&self) -> PowerModel {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        PowerModel {
            connect: Duration::from_millis(self.connect_ms.into()),
            tail: seconds(self.tail),
            t3324: seconds(self.t3324),
            t3412: seconds(self.t3412),
            ..PowerModel::default()
        }
    }
}

/// Until an interrupt, or with `once` until the first client goes.
fn wait(modem: &Handle, once: bool) -> io::Result<()> {
    let (end, ended) = mpsc::channel();
    let interrupted = end.clone();
    let handler = move || {
        // Whoever waited has stopped waiting.
        let _ = interrupted.send(());
    };
    ctrlc::set_handler(handler).map_err(io::Error::other)?;
    if once {
        let watch = modem.watch();
        thread::spawn(move || {
            watch.wait_for_end_of_client();
            let _ = end.send(());
        });
    }
    let _ = ended.recv();
    Ok(())
}
