//! `run`: a program on a board, its log on the screen.

use std::time::Duration;

use coracle_tests::firmware::{
    Board, Chain, Config, Dialect, Ended, Image, Line, Qemu, Report, Result, Scenario, Spec,
};

/// What to run, and what to run it with.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// `meter`, or a program that needs neither modem nor chain: `selftest`, `bench`.
    #[arg(default_value = "meter")]
    program: String,
    /// The board: mps2-an386, mps2-an505, riscv32-virt.
    #[arg(long)]
    board: Board,
    /// The modem: quectel, simcom, ublox.
    #[arg(long, default_value = "quectel")]
    dialect: Dialect,
    /// A target other than the board's usual one.
    #[arg(long)]
    target: Option<String>,
    /// How many readings the meter takes.
    #[arg(long, default_value_t = 5)]
    readings: u32,
    /// A node of this machine with an unlocked account, in place of the built-in chain.
    #[arg(long)]
    rpc: Option<String>,
    /// Shows what firmware and modem said to each other.
    #[arg(long)]
    transcript: bool,
    /// Seconds after which the board is switched off.
    #[arg(long, default_value_t = 600)]
    limit: u64,
}

pub(crate) fn command(args: &Args) -> Result {
    match args.program.as_str() {
        "meter" => meter(args),
        _ => alone(args),
    }
}

fn meter(args: &Args) -> Result {
    let chain = match &args.rpc {
        Some(url) => Chain::remote(url)?,
        None => Chain::devnet()?,
    };
    let mut scenario = Scenario::meter(args.board, args.dialect, args.readings);
    scenario.image.target.clone_from(&args.target);
    scenario.limit = Duration::from_secs(args.limit);
    println!("chain {} at {}", chain.id(), chain.url());
    let report = scenario.run(&chain, show)?;
    if args.transcript {
        println!("\n{}", report.transcript);
    }
    summarize(&report);
    verdict(report.ended)
}

fn alone(args: &Args) -> Result {
    let mut spec = Spec::new(&args.program, args.board);
    spec.target.clone_from(&args.target);
    let image = Image::build(&spec)?;
    let config = Config::closed(Duration::from_secs(args.limit));
    let outcome = Qemu::start(&image, &config)?.watch(show)?;
    verdict(outcome.ended)
}

fn show(line: &Line) {
    println!("{line}");
}

fn summarize(report: &Report) {
    println!("\ncontract {}", report.contract);
    println!("bundle {} bytes", report.bundle.len());
    println!("AT commands {}", report.counters.commands);
    println!("{}", report.modem);
    println!("took {:.1} s", report.took.as_secs_f64());
}

fn verdict(ended: Ended) -> Result {
    match ended {
        Ended::Exited(0) => Ok(()),
        Ended::Exited(code) => Err(format!("the firmware ended with {code}").into()),
        Ended::TimedOut => Err("the firmware had not ended when its time was up".into()),
    }
}
