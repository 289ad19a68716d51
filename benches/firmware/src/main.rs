//! Instructions of coracle's operations on an emulated board:
//! `cargo xtask bench --board mps2-an386`.
//!
//! Runs under QEMU's `-icount shift=0`, with nobody attached, and logs a line for each
//! operation: its name and how many instructions it takes, the mean of [`RUNS`] runs.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("bench-firmware is built for a board: cargo xtask bench --board mps2-an386");
}

#[cfg(target_os = "none")]
mod firmware {
    use bench_firmware::{Meter, Operation, WrongResult};
    use coracle_qemu::{Exit, Peripherals, instructions};

    const RUNS: u64 = 8;

    coracle_qemu::entry!(run);

    async fn run(_: Peripherals) -> Exit {
        // What the counting itself takes is the same each time.
        let mut meter = Counter { overhead: 0 };
        meter.overhead = meter.mean(&mut |_| Ok(())).unwrap_or_default();
        match bench_firmware::all(&mut meter) {
            Ok(()) => Exit::Success,
            Err(WrongResult) => Exit::Failure,
        }
    }

    struct Counter {
        overhead: u64,
    }

    impl Counter {
        fn mean(&self, operation: Operation<'_>) -> Result<u64, WrongResult> {
            let mut total = 0;
            for number in 0..RUNS {
                let before = instructions();
                let result = operation(number);
                total += instructions() - before;
                result?;
            }
            Ok((total / RUNS).saturating_sub(self.overhead))
        }
    }

    impl Meter for Counter {
        fn count(&mut self, name: &'static str, run: Operation<'_>) -> Result<(), WrongResult> {
            match self.mean(run) {
                Ok(count) => defmt::println!("{=str} {=u64}", name, count),
                Err(WrongResult) => {
                    defmt::error!("{=str}: wrong result", name);
                    return Err(WrongResult);
                }
            }
            Ok(())
        }
    }
}
