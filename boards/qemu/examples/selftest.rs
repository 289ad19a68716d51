//! Does the board do what it says? Run on every chip by the tests.
//!
//! The settings choose what is tried, one word a line; without any, all that needs nobody
//! on the other side:
//!
//! | word | tries |
//! | --- | --- |
//! | `clock` `flash` `random` `stack` | what the name says |
//! | `secret` | that the host gave one |
//! | `console` | every byte value, to the console |
//! | `pins` | a pulse on each control line |
//! | `echo` | that the other end of the modem's UART sends back what it gets |
//! | `idle` | nothing, for five seconds |
//! | `wrap` | a sleep of 200 s, longer than the timers of the Arm machines hold |
//! | `panic` `fault` `failure` | the bad end of that name |
//!
//! Each prints `NAME ok`, with a number where that says something, or ends the run.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod firmware {
    use core::hint::black_box;

    use coracle::board::Clock as _;
    use coracle::store::DeviceSecret as _;
    use coracle_qemu::{
        ControlPin, Exit, Flash, FlashError, InjectedSecret, ModemUart, Peripherals, settings,
        stack_used,
    };
    use embassy_time::{Instant, Timer};
    use embedded_hal::digital::OutputPin;
    use embedded_io_async::{Read, Write};
    use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};
    use rand_core::TryRng;

    const USUAL: &str = "clock flash random stack";

    coracle_qemu::entry!(run);

    async fn run(mut board: Peripherals) -> Exit {
        let mut buf = [0; 128];
        let words = match settings(&mut buf) {
            "" => USUAL,
            text => text,
        };
        for word in words.split_ascii_whitespace() {
            match word {
                "clock" => clock(&board).await,
                "flash" => flash(&mut board.flash).await,
                "random" => random(&mut board).await,
                "stack" => stack(),
                "secret" => secret(&mut board.secret),
                "console" => console(&mut board).await,
                "pins" => pins(&mut board).await,
                "echo" => echo(&mut board.modem_uart).await,
                "idle" => Timer::after_secs(5).await,
                "wrap" => wrap(&board).await,
                "panic" => core::panic!("as it was told"),
                "fault" => fault(),
                _ => return Exit::Failure,
            }
        }
        defmt::info!("done, stack {=usize} bytes", stack_used());
        Exit::Success
    }

    /// The host may be slow, so a wait is never too short, and nothing more is known.
    async fn clock(board: &Peripherals) {
        let start = board.clock.now_ms();
        for beat in 0..10 {
            let before = Instant::now();
            Timer::after_millis(beat).await;
            defmt::assert!(before.elapsed().as_millis() >= beat);
        }
        let took = board.clock.now_ms() - start;
        defmt::assert!(took >= 45);
        defmt::info!("clock ok, {=u64} ms", took);
    }

    async fn wrap(board: &Peripherals) {
        let start = board.clock.now_ms();
        let mut last = start;
        for _ in 0..200 {
            Timer::after_secs(1).await;
            let now = board.clock.now_ms();
            defmt::assert!((1000..1100).contains(&(now - last)));
            last = now;
        }
        Timer::after_secs(400).await;
        defmt::assert!((400_000..400_100).contains(&(board.clock.now_ms() - last)));
        defmt::info!("wrap ok, {=u64} ms", board.clock.now_ms() - start);
    }

    /// The first page counts the starts, one word each; the second is for trying.
    async fn flash(flash: &mut Flash) {
        let starts = count_start(flash).await;
        let page = Flash::PAGE_SIZE;
        let end = Flash::SIZE;
        let mut word = [0; 4];

        defmt::assert_eq!(flash.erase(page, 2 * page).await, Ok(()));
        defmt::assert_eq!(flash.read(2 * page - 4, &mut word).await, Ok(()));
        defmt::assert_eq!(word, [0xFF; 4]);
        defmt::assert_eq!(flash.write(page, &[1, 2, 3, 4]).await, Ok(()));
        defmt::assert_eq!(flash.read(page + 1, &mut word).await, Ok(()));
        defmt::assert_eq!(word, [2, 3, 4, 0xFF]);

        let again = flash.write(page, &[0; 4]).await;
        defmt::assert_eq!(again, Err(FlashError::NotErased));
        defmt::assert_eq!(flash.write(2, &[0; 4]).await, Err(FlashError::NotAligned));
        defmt::assert_eq!(flash.write(8, &[0; 3]).await, Err(FlashError::NotAligned));
        defmt::assert_eq!(flash.erase(4, page).await, Err(FlashError::NotAligned));
        defmt::assert_eq!(flash.erase(page, 0).await, Err(FlashError::OutOfBounds));
        defmt::assert_eq!(
            flash.write(end, &[0; 4]).await,
            Err(FlashError::OutOfBounds)
        );
        let past = flash.read(u32::MAX - 1, &mut word).await;
        defmt::assert_eq!(past, Err(FlashError::OutOfBounds));
        defmt::info!("flash ok, start {=u32}", starts);
    }

    async fn count_start(flash: &mut Flash) -> u32 {
        for start in 1.. {
            let offset = start * 4;
            let mut word = [0; 4];
            defmt::assert_eq!(flash.read(offset, &mut word).await, Ok(()));
            if word == [0xFF; 4] {
                defmt::assert_eq!(flash.write(offset, &[0; 4]).await, Ok(()));
                return start;
            }
        }
        0
    }

    async fn random(board: &mut Peripherals) {
        let mut bytes = [[0; 32]; 2];
        for out in &mut bytes {
            defmt::assert_eq!(board.random.try_fill_bytes(out), Ok(()));
        }
        defmt::assert_ne!(bytes[0], bytes[1]);
        defmt::info!("random ok, first {=u8}", bytes[0][0]);
    }

    fn secret(secret: &mut InjectedSecret) {
        let mut key = [0; 32];
        defmt::assert_eq!(secret.derive(b"selftest", &mut key), Ok(()));
        defmt::info!("secret ok, key {=[u8]}", key);
    }

    fn stack() {
        let before = stack_used();
        deep();
        let after = stack_used();
        defmt::assert!(before + DEEP / 2 < after);
        defmt::info!("stack ok, {=usize} then {=usize}", before, after);
    }

    /// More than whatever this program takes otherwise.
    const DEEP: usize = 64 * 1024;

    #[inline(never)]
    fn deep() {
        defmt::assert_eq!(black_box([black_box(1_u8); DEEP]).len(), DEEP);
    }

    async fn console(board: &mut Peripherals) {
        for byte in 0..=255 {
            let written = embedded_io::Write::write(&mut board.console, &[byte]);
            defmt::assert_eq!(written, Ok(1));
        }
        defmt::info!("console ok");
    }

    async fn pins(board: &mut Peripherals) {
        let pins = &mut board.pins;
        for pin in [&mut pins.pwrkey, &mut pins.reset, &mut pins.dtr] {
            pulse(pin).await;
        }
        defmt::info!("pins ok");
    }

    async fn pulse(pin: &mut ControlPin) {
        defmt::assert_eq!(pin.set_high(), Ok(()));
        Timer::after_millis(2).await;
        defmt::assert_eq!(pin.set_low(), Ok(()));
    }

    /// Bursts that fit the ring; then one that does not, which is read late.
    async fn echo(uart: &mut ModemUart) {
        for len in [1, 16, 17, 200, 200, 1500] {
            send(uart, len).await;
            receive(uart, len).await;
        }
        send(uart, LONGEST).await;
        while uart.held() == 0 {
            Timer::after_millis(1).await;
        }
        receive(uart, LONGEST).await;
        defmt::assert_eq!(uart.overruns(), 0);
        defmt::info!("echo ok");
    }

    /// More than the ring holds.
    const LONGEST: usize = 6000;

    fn pattern(len: usize) -> impl Iterator<Item = u8> {
        let low = |number: usize| number.to_le_bytes()[0];
        (0..len).map(move |number| low(number % 251) ^ low(len))
    }

    async fn send(uart: &mut ModemUart, len: usize) {
        let mut buf = [0; LONGEST];
        for (byte, value) in buf.iter_mut().zip(pattern(len)) {
            *byte = value;
        }
        defmt::assert_eq!(uart.write_all(&buf[..len]).await, Ok(()));
    }

    async fn receive(uart: &mut ModemUart, len: usize) {
        let mut buf = [0; LONGEST];
        let received = &mut buf[..len];
        defmt::assert!(uart.read_exact(received).await.is_ok());
        defmt::assert!(received.iter().copied().eq(pattern(len)));
    }

    fn fault() {
        #[cfg(target_arch = "arm")]
        cortex_m::asm::udf();
        #[cfg(target_arch = "riscv32")]
        #[expect(unsafe_code, reason = "an illegal instruction is what is wanted")]
        // SAFETY: it does not return.
        unsafe {
            core::arch::asm!("unimp");
        }
    }
}
