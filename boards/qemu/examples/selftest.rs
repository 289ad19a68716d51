//! Self test.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod firmware {
    use coracle_qemu::{Exit, Peripherals, stack_used};
    use embassy_time::Timer;

    coracle_qemu::entry!(run);

    async fn run(p: Peripherals) -> Exit {
        for beat in 0..5u32 {
            defmt::info!("beat {=u32} at {=u64} ms", beat, p.clock.now_ms());
            Timer::after_millis(100).await;
        }
        defmt::info!("stack {=usize} bytes", stack_used());
        Exit::Success
    }
}
