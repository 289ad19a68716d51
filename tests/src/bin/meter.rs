//! The meter as a process of its own, which a test can kill.

fn main() -> std::process::ExitCode {
    meter::host::main()
}
