//! What a reading costs on the air: counted between the modem and the node, then put into
//! the emulator's model of a radio.

use std::net::SocketAddr;

use coracle_modem_sim::{PowerModel, Usage, estimate};
use coracle_tests::firmware::{Board, Chain, Dialect, Error, Result, Scenario};
use coracle_tests::{Counts, Proxy};

use crate::table::{Table, number};

/// Readings of the counted run; from the second on every cache is warm.
const READINGS: u32 = 5;

/// Between two readings, in milliseconds: time enough for a block to become final.
const INTERVAL_MS: u32 = 1_500;

/// Requests in a row, or one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Traffic {
    round_trips: u32,
    up: u64,
    down: u64,
}

/// What was counted.
#[derive(Debug)]
struct Air {
    /// From power on to the first transaction that a node took.
    first: Traffic,
    /// One later transaction.
    submit: Traffic,
    /// What settles it: the looks of the wake after it.
    settle: Traffic,
}

/// Runs the meter and prints both tables.
pub(crate) fn print(board: Board) -> Result {
    let air = measure(board)?;
    println!("\nbytes of HTTP between modem and node, {board}\n");
    let mut table = Table::new(1, &["what", "round trips", "bytes up", "bytes down"]);
    for (what, traffic) in [
        ("first submit: nothing known, no connection", air.first),
        ("steady-state submit", air.submit),
        ("settling one reading", air.settle),
    ] {
        let round_trips = number(traffic.round_trips.into());
        table.row(vec![
            what.into(),
            round_trips,
            number(traffic.up),
            number(traffic.down),
        ]);
    }
    print!("{}", table.to_markdown());
    let model = PowerModel::default();
    println!("\nradio for one reading, by the model: {model}\n");
    print!("{}", radio(&air, &model).to_markdown());
    Ok(())
}

/// A wake opens a connection, settles the reading before and submits the next.
fn radio(air: &Air, model: &PowerModel) -> Table {
    let head = [
        "readings a day",
        "bytes on air",
        "radio on, s",
        "radio on a day, s",
    ];
    let mut table = Table::new(0, &head);
    for readings_per_day in [1, 24, 96] {
        let usage = Usage {
            readings_per_day,
            bytes: air.submit.up + air.submit.down + air.settle.up + air.settle.down,
            round_trips: 1 + air.submit.round_trips + air.settle.round_trips,
        };
        let cost = estimate(&usage, model);
        table.row(vec![
            readings_per_day.to_string(),
            number(cost.bytes_on_air),
            format!("{:.1}", cost.radio_on_seconds),
            format!("{:.0}", cost.radio_on_seconds_per_day),
        ]);
    }
    table
}

fn measure(board: Board) -> Result<Air> {
    let chain = Chain::devnet()?;
    let proxy = Proxy::honest(chain.url());
    let mut scenario = Scenario::meter(board, Dialect::Quectel, READINGS)
        .with("interval-ms", INTERVAL_MS)
        .with("poll-ms", INTERVAL_MS);
    let address = proxy.url().trim_start_matches("http://");
    let address: SocketAddr = address.parse().map_err(|error| Error::at(address, error))?;
    scenario.node = Some(address);
    let report = scenario.run(&chain, |_| {})?;
    if !report.is_success() {
        return Err(Error::at(format!("meter on {board} failed"), report.log()));
    }
    let air = split(&proxy.take_counts());
    air.ok_or_else(|| "the run sent fewer transactions than readings".into())
}

/// Parts the requests at the transactions.
fn split(counts: &Counts) -> Option<Air> {
    let sent =
        |(at, method): (usize, &String)| method.ends_with("sendRawTransaction").then_some(at);
    let sent: Vec<usize> = counts.methods.iter().enumerate().filter_map(sent).collect();
    let [.., before, last] = sent[..] else {
        return None;
    };
    Some(Air {
        first: traffic(counts, 0..sent[0] + 1),
        submit: traffic(counts, last..last + 1),
        settle: traffic(counts, before + 1..last),
    })
}

fn traffic(counts: &Counts, range: std::ops::Range<usize>) -> Traffic {
    let mut traffic = Traffic::default();
    for at in range {
        // How often a new meter asks for its money depends on who sends it.
        if counts.methods[at].ends_with("getBalance") {
            continue;
        }
        let bytes = |all: &[usize]| all.get(at).map_or(0, |len| *len as u64);
        traffic.round_trips += 1;
        traffic.up += bytes(&counts.up);
        traffic.down += bytes(&counts.answers);
    }
    traffic
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(methods: &[&str]) -> Counts {
        Counts {
            methods: methods.iter().map(|name| format!("eth_{name}")).collect(),
            up: vec![100; methods.len()],
            answers: vec![10; methods.len()],
            ..Counts::default()
        }
    }

    fn traffic(round_trips: u32) -> Traffic {
        Traffic {
            round_trips,
            up: 100 * u64::from(round_trips),
            down: 10 * u64::from(round_trips),
        }
    }

    #[test]
    fn requests_are_parted_at_the_transactions() {
        let send = "sendRawTransaction";
        let looks = ["getTransactionReceipt", "getBlockByNumber"];
        let all = [
            "getBalance",
            "chainId",
            send,
            looks[0],
            looks[1],
            send,
            looks[0],
        ];
        let air = split(&counts(&all)).unwrap();
        assert_eq!(air.first, traffic(2));
        assert_eq!(air.submit, traffic(1));
        assert_eq!(air.settle, traffic(2));
    }

    #[test]
    fn one_transaction_is_no_steady_state() {
        assert!(split(&counts(&["chainId", "sendRawTransaction"])).is_none());
        assert!(split(&counts(&[])).is_none());
    }
}
