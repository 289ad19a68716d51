//! The meter on a device: board, settings, log.

use coracle::board::Board as _;
use core::pin::pin;

use coracle::client::eth::EntryId;
use coracle::core::Address;
use coracle::modem::{self, Pin, Roots, Tls};
use coracle_qemu::{Exit, Peripherals, Qemu, stack_used};
use meter::device::{Cause, Step, Watch};
use meter::program::{self, Memory, ProgramError};
use meter::settings::{Installed, SettingsError};
use static_cell::ConstStaticCell;

#[cfg(feature = "quectel")]
use coracle::modem::Quectel as Dialect;
#[cfg(feature = "simcom")]
use coracle::modem::Simcom as Dialect;
#[cfg(feature = "ublox")]
use coracle::modem::Ublox as Dialect;

#[cfg(not(any(feature = "quectel", feature = "simcom", feature = "ublox")))]
compile_error!("choose the modem's dialect: `--features quectel`, `simcom` or `ublox`");

coracle_qemu::entry!(measure);

/// The longest settings in bytes: a dozen lines and a certificate.
const SETTINGS_LEN: usize = 2048;

/// Outside of the futures, which are copied while they are made.
static TEXT: ConstStaticCell<[u8; SETTINGS_LEN]> = ConstStaticCell::new([0; SETTINGS_LEN]);
static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

async fn measure(peripherals: Peripherals) -> Exit {
    let text = coracle_qemu::settings(TEXT.take());
    let exit = match pin!(run(peripherals, text)).await {
        Ok(()) => Exit::Success,
        Err(()) => Exit::Failure,
    };
    defmt::info!("store {=usize} bytes", Memory::STORE_LEN);
    defmt::info!("stack {=usize} bytes", stack_used());
    exit
}

async fn run(peripherals: Peripherals, text: &str) -> Result<(), ()> {
    let installed = Installed::parse(text).map_err(bad_settings)?;
    let board = Qemu::new(peripherals, Dialect, modem_config(&installed));
    let parts = board.into_parts();
    let settings = installed.settings();
    let mut log = Log;
    let run = pin!(program::run(
        parts,
        None,
        &settings,
        MEMORY.take(),
        &mut log
    ));
    let tip = run.await.map_err(failed)?;
    defmt::info!("done: {} records, head {}", tip.count, tip.head);
    Ok(())
}

fn bad_settings(error: SettingsError) {
    defmt::error!("settings: {}", error);
}

/// A run that got as far as the chain has told more.
fn failed<N: defmt::Format, F: defmt::Format>(error: ProgramError<N, F>) {
    defmt::error!("stopped: {}", error);
}

fn modem_config<'a>(installed: &Installed<'a>) -> modem::Config<'a> {
    let mut config = modem::Config::new(installed.apn);
    config.pin = installed.pin.and_then(Pin::new);
    config.tls = installed.root.map(|pem| Tls {
        roots: Roots::Pem(pem.as_bytes()),
        check_dates: true,
        dangerous_any_name: false,
    });
    config.timeouts = config.timeouts.divided_by(installed.hurry);
    config
}

/// Progress as log lines.
struct Log;

impl Watch for Log {
    fn account(&mut self, account: Address) {
        defmt::info!("account {}", account);
    }

    fn step(&mut self, id: EntryId, step: Step) {
        defmt::info!("reading {=u64}: {}", id.sequence, step);
    }

    fn trouble(&mut self, error: &impl Cause) {
        defmt::warn!("trouble: {}", error);
    }

    fn failure(&mut self, error: &impl Cause) {
        defmt::error!("failed: {}", error);
    }
}
