//! The bad ends. Each says where it was and nothing more, so that no formatting code
//! comes with it, and ends QEMU.

#![expect(unsafe_code, reason = "handlers that the start-up code finds by name")]

use core::panic::PanicInfo;

use crate::run::STATUS_FAULT;
use crate::semihosting;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if let Some(location) = info.location() {
        defmt::error!("panic at {=str}:{=u32}", location.file(), location.line());
    }
    semihosting::exit(STATUS_FAULT)
}

#[cfg(target_arch = "arm")]
mod handlers {
    use cortex_m_rt::{ExceptionFrame, exception};

    use super::{STATUS_FAULT, semihosting};

    #[exception]
    unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
        defmt::error!("fault at {=u32:#010x}", frame.pc());
        semihosting::exit(STATUS_FAULT)
    }

    #[exception]
    unsafe fn DefaultHandler(number: i16) {
        defmt::error!("interrupt {=i16} that nobody handles", number);
        semihosting::exit(STATUS_FAULT);
    }
}

#[cfg(target_arch = "riscv32")]
mod handlers {
    use riscv::register::{mcause, mepc};

    use super::{STATUS_FAULT, semihosting};

    #[unsafe(no_mangle)]
    extern "C" fn ExceptionHandler(_: &riscv_rt::TrapFrame) {
        defmt::error!("fault at {=usize:#010x}", mepc::read());
        semihosting::exit(STATUS_FAULT);
    }

    #[unsafe(no_mangle)]
    extern "C" fn DefaultHandler() {
        let cause = mcause::read().code();
        defmt::error!("interrupt {=usize} that nobody handles", cause);
        semihosting::exit(STATUS_FAULT);
    }
}
