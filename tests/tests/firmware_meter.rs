//! The meter's firmware in QEMU, through the modem emulator, to a real node.
//!
//! What a run did is judged from outside: by the node's logs and by the bundle that the
//! device wrote to its console.

use coracle_modem_sim::Faults;
use coracle_testkit::rounds;
use coracle_tests::firmware::{Board, Chain, Dialect, Ended, Image, Level, Report, Scenario};

mod firmware;

use firmware::authority::{Authority, TlsFront};
use firmware::judge::{self, Judgement};

const READINGS: u32 = 20;

/// Runs it and expects every reading on the chain, final, once.
fn all_arrive(scenario: &Scenario, readings: u32) -> Report {
    let chain = Chain::anvil().unwrap();
    let report = scenario.run(&chain, |line| println!("{line}")).unwrap();
    let whole = judge::judge(&chain, &report);
    assert!(
        report.is_success(),
        "{}\n{}",
        report.log(),
        report.transcript
    );
    assert_eq!(whole, Ok(Judgement::all(readings)), "{}", report.log());
    report
}

fn clean_image(scenario: &Scenario) {
    let image = Image::build(&scenario.image).unwrap();
    let faults = image.inspect().unwrap().faults();
    assert!(faults.is_empty(), "{faults:#?}");
}

fn quectel(board: Board) {
    let scenario = Scenario::meter(board, Dialect::Quectel, READINGS);
    all_arrive(&scenario, READINGS);
    clean_image(&scenario);
}

#[test]
fn a_cortex_m4_reports_through_a_quectel() {
    quectel(Board::Mps2An386);
}

#[test]
fn a_cortex_m33_reports_through_a_quectel() {
    quectel(Board::Mps2An505);
}

#[test]
fn a_riscv_core_reports_through_a_quectel() {
    quectel(Board::Riscv32Virt);
}

#[test]
fn a_cortex_m4_reports_through_a_simcom() {
    let scenario = Scenario::meter(Board::Mps2An386, Dialect::Simcom, READINGS);
    all_arrive(&scenario, READINGS);
}

#[test]
fn a_cortex_m4_reports_through_a_ublox() {
    let scenario = Scenario::meter(Board::Mps2An386, Dialect::Ublox, READINGS);
    all_arrive(&scenario, READINGS);
}

/// The RP2040's instructions, on a core that executes them.
#[test]
fn code_for_a_cortex_m0_reports_as_well() {
    let mut scenario = Scenario::meter(Board::Mps2An386, Dialect::Quectel, 3);
    scenario.image.target = Some("thumbv6m-none-eabi".into());
    all_arrive(&scenario, 3);
    clean_image(&scenario);
}

/// A meter whose node is behind TLS with a certificate for `name`; it trusts `root`.
fn over_tls(chain: &Chain, name: &str, trust_other: bool) -> Report {
    let authority = Authority::new("Coracle Test Root");
    let other = Authority::new("Another Root");
    let front = TlsFront::start(&authority, name, chain.url());
    let root = if trust_other { &other } else { &authority };
    let mut scenario = Scenario::meter(Board::Mps2An386, Dialect::Quectel, 3);
    scenario.image.features = vec!["tls".into()];
    scenario.root = Some(root.pem());
    scenario.node = Some(front.address());
    scenario.run(chain, |line| println!("{line}")).unwrap()
}

#[test]
fn the_modem_verifies_the_node() {
    let chain = Chain::anvil().unwrap();
    let report = over_tls(&chain, "node.test", false);
    assert!(
        report.is_success(),
        "{}\n{}",
        report.log(),
        report.transcript
    );
    assert_eq!(judge::judge(&chain, &report), Ok(Judgement::all(3)));
}

/// The run fails with the cause as a type, and nothing reached the chain.
fn is_refused(chain: &Chain, report: &Report) {
    assert_eq!(report.ended, Ended::Exited(1), "{}", report.log());
    let last = report.lines.iter().rfind(|line| line.level == Level::Error);
    let last = last.map_or("", |line| line.message.as_str());
    assert!(last.contains("TlsHandshake"), "{}", report.log());
    assert_eq!(judge::judge(chain, report), Ok(Judgement::default()));
}

#[test]
fn the_modem_refuses_a_node_of_another_authority() {
    let chain = Chain::anvil().unwrap();
    is_refused(&chain, &over_tls(&chain, "node.test", true));
}

#[test]
fn the_modem_refuses_a_node_of_another_name() {
    let chain = Chain::anvil().unwrap();
    is_refused(&chain, &over_tls(&chain, "elsewhere.test", false));
}

/// The driver's time limits are divided by this in the soak, so that a silent modem costs
/// a test seconds and not minutes.
const HURRY: u32 = 20;

/// Every reading is on the chain once, or the device says what failed; whatever befell the
/// modem. The seed is printed where that is not so.
#[test]
fn readings_survive_a_modem_that_fails_in_every_way() {
    let seeds = rounds(20, 200);
    let chain = Chain::anvil().unwrap();
    let scenario = Scenario::meter(Board::Mps2An386, Dialect::Quectel, READINGS);
    Image::build(&scenario.image).unwrap();
    let mut tally = firmware::soak::Tally::default();
    firmware::soak::two_at_once(0..seeds as u64, |seed| {
        let mut scenario = scenario
            .clone()
            .with("hurry", HURRY)
            .with("device", format!("meter-{seed}"));
        // Every other modem damages what it carries as well.
        let faults = Faults::from_seed(seed);
        scenario.modem.faults = match seed % 2 {
            0 => faults,
            _ => faults.with_payload_corruption(),
        };
        let report = scenario.run(&chain, |_| ());
        let report = report.map_err(|error| format!("seed {seed}: {error}"))?;
        firmware::soak::verdict(&chain, &report, READINGS).map_err(|fault| {
            format!(
                "seed {seed}: {fault}\n{}\n{}",
                report.log(),
                report.transcript
            )
        })
    })
    .into_iter()
    .for_each(|outcome| match outcome {
        Ok(verdict) => tally.add(&verdict),
        Err(fault) => tally.fail(fault),
    });
    println!("time limits divided by {HURRY}; {tally}");
    assert!(tally.is_clean(), "{}", tally.first_fault());
}
