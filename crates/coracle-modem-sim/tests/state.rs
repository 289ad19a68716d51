//! The state of 27.007: what is refused when, and what survives what.

mod common;

use std::time::Duration;

use common::{Uart, ready, register};
use coracle_modem_sim::{
    Apn, Clock, Config, Dialect, ModemSim, PowerOn, RegistrationOutcome, SimCard,
};

const DIALECTS: [Dialect; 3] = [Dialect::Quectel, Dialect::Simcom, Dialect::Ublox];

fn with(dialect: Dialect, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::local(dialect);
    change(&mut config);
    config
}

/// What needs a card, by dialect.
fn needs_card(dialect: Dialect) -> [&'static str; 4] {
    match dialect {
        Dialect::Quectel => ["AT+CIMI", "AT+QIACT=1", "AT+COPS?", "AT+CGATT=1"],
        Dialect::Simcom => ["AT+CIMI", "AT+NETOPEN", "AT+CCHSTART", "AT+CGACT=1,1"],
        Dialect::Ublox => ["AT+CIMI", "AT+UPSDA=0,3", "AT+USOCR=6", "AT+CGATT=1"],
    }
}

#[test]
fn without_a_card_nothing_that_needs_one_works() {
    for dialect in DIALECTS {
        let (_modem, mut uart) = ready(with(dialect, |config| config.sim = SimCard::Absent));
        uart.ok("AT+CMEE=1");
        for line in needs_card(dialect).iter().chain(&["AT+CPIN?"]) {
            assert_eq!(
                uart.ask(line),
                "\r\n+CME ERROR: 10\r\n",
                "{dialect:?} {line}"
            );
        }
        assert_eq!(uart.ok("AT+CEREG?"), "+CEREG: 0,0");
    }
}

#[test]
fn with_a_locked_card_nothing_that_needs_it_works() {
    for (sim, code) in [("pin:1234", 11), ("puk", 12)] {
        for dialect in DIALECTS {
            let sim = sim.parse().unwrap();
            let (_modem, mut uart) = ready(with(dialect, |config| config.sim = sim));
            uart.ok("AT+CMEE=1");
            for line in needs_card(dialect) {
                let want = format!("\r\n+CME ERROR: {code}\r\n");
                assert_eq!(uart.ask(line), want, "{dialect:?} {line}");
            }
        }
    }
}

#[test]
fn a_wrong_pin_costs_a_try_and_the_last_one_the_card() {
    let cases = [
        (Dialect::Quectel, "AT+QPINC=\"SC\"", "+QPINC: \"SC\",0,10"),
        (Dialect::Simcom, "AT+SPIC", "+SPIC: 0,10,3,10"),
        (Dialect::Ublox, "AT+UPINCNT", "+UPINCNT: 0,3,10,10"),
    ];
    for (dialect, line, want) in cases {
        let sim = SimCard::Pin {
            code: "1234".into(),
            tries: 2,
        };
        let (_modem, mut uart) = ready(with(dialect, |config| config.sim = sim));
        uart.ok("AT+CMEE=1");
        assert_eq!(uart.ask("AT+CPIN=1111"), "\r\n+CME ERROR: 16\r\n");
        assert_eq!(uart.ask("AT+CPIN=1111"), "\r\n+CME ERROR: 12\r\n");
        assert_eq!(uart.ok("AT+CPIN?"), "+CPIN: SIM PUK");
        assert_eq!(uart.ok(line), want);
        assert_eq!(uart.ask("AT+CPIN=1234"), "\r\n+CME ERROR: 12\r\n");
    }
}

#[test]
fn tries_left_survive_a_restart_and_an_open_card_does_not() {
    let sim = "pin:1234".parse().unwrap();
    let (modem, mut uart) = ready(with(Dialect::Quectel, |config| config.sim = sim));
    uart.ask("AT+CPIN=1111");
    uart.ok("AT+CFUN=1,1");
    uart.until("RDY\r\n");
    uart.until("+CPIN: SIM PIN\r\n");
    uart.until("SMS DONE\r\n");
    uart.ask("ATE0");
    assert_eq!(uart.ok("AT+QPINC=\"SC\""), "+QPINC: \"SC\",2,10");
    uart.ok("AT+CPIN=1234");
    uart.ok("AT+CIMI");
    uart.ok("AT+CFUN=1,1");
    uart.until("SMS DONE\r\n");
    uart.ask("ATE0");
    assert_eq!(uart.ok("AT+CPIN?"), "+CPIN: SIM PIN");
    assert_eq!(modem.counters().boots, 3);
}

#[test]
fn a_network_that_denies_gives_no_address() {
    for dialect in DIALECTS {
        let denied = RegistrationOutcome::Denied;
        let config = with(dialect, |config| config.registration.outcome = denied);
        let (_modem, mut uart) = ready(config);
        uart.ok("AT+CEREG=1");
        while uart.ok("AT+CEREG?") != "+CEREG: 1,3" {}
        assert_eq!(uart.ok("AT+CGATT?"), "+CGATT: 0");
        match dialect {
            Dialect::Quectel => {
                assert_eq!(uart.ask("AT+QIACT=1"), "\r\nERROR\r\n");
                assert!(uart.ok("AT+QIGETERROR").starts_with("+QIGETERROR: 561"));
            }
            Dialect::Simcom => {
                uart.ok("AT+NETOPEN");
                uart.until("+NETOPEN: 1\r\n");
            }
            Dialect::Ublox => assert_eq!(uart.ask("AT+UPSDA=0,3"), "\r\nERROR\r\n"),
        }
    }
}

#[test]
fn roaming_is_registered_too() {
    let roaming = RegistrationOutcome::Roaming;
    let config = with(Dialect::Quectel, |config| {
        config.registration.outcome = roaming;
    });
    let (_modem, mut uart) = ready(config);
    uart.ok("AT+CREG=1;+CGREG=1;+CEREG=1");
    while uart.ok("AT+CEREG?") != "+CEREG: 1,5" {}
    uart.ok("AT+QIACT=1");
}

#[test]
fn where_there_is_no_circuit_switching_creg_stays_0() {
    let config = with(Dialect::Quectel, |config| {
        config.registration.circuit_switched = false;
    });
    let (_modem, mut uart) = ready(config);
    register(&mut uart);
    assert_eq!(uart.ok("AT+CREG?"), "+CREG: 0,0");
}

#[test]
fn registration_is_told_in_each_mode() {
    let config = with(Dialect::Quectel, |config| {
        config.registration.delay = Duration::ZERO;
    });
    let (_modem, mut uart) = ready(config);
    while uart.ok("AT+CEREG?") != "+CEREG: 0,1" {}
    uart.ok("AT+CREG=0;+CGREG=1;+CEREG=2");
    uart.write(b"AT+COPS=2\r");
    let told = uart.until("+CEREG: 0\r\n");
    assert_eq!(told, "\r\nOK\r\n\r\n+CGREG: 0\r\n\r\n+CEREG: 0\r\n");
    uart.write(b"AT+COPS=0\r");
    let told = uart.until(",7\r\n");
    let searching = "\r\nOK\r\n\r\n+CGREG: 2\r\n\r\n+CEREG: 2\r\n";
    let found = "\r\n+CGREG: 1\r\n\r\n+CEREG: 1,\"1A2B\",\"01A2B3C4\",7\r\n";
    assert_eq!(told, format!("{searching}{found}"));
}

#[test]
fn an_access_point_wants_its_name_and_password() {
    let apn = Apn {
        name: "iot".into(),
        login: Some(("me".into(), "secret".into())),
    };
    let config = with(Dialect::Quectel, |config| config.apn = Some(apn));
    let (_modem, mut uart) = ready(config);
    register(&mut uart);
    for line in [
        "AT+QICSGP=1,1,\"internet\",\"me\",\"secret\",1",
        "AT+QICSGP=1,1,\"iot\",\"me\",\"wrong\",1",
        "AT+QICSGP=1,1,\"iot\",\"me\",\"secret\",0",
    ] {
        uart.ok(line);
        assert_eq!(uart.ask("AT+QIACT=1"), "\r\nERROR\r\n", "{line}");
    }
    uart.ok("AT+QICSGP=1,3,\"iot\",\"me\",\"secret\",2");
    uart.ok("AT+QIACT=1");
}

#[test]
fn both_orders_of_cgauth_are_simcoms() {
    for line in [
        "AT+CGAUTH=1,1,\"me\",\"secret\"",
        "AT+CGAUTH=1,1,\"secret\",\"me\"",
    ] {
        let apn = Apn {
            name: "iot".into(),
            login: Some(("me".into(), "secret".into())),
        };
        let config = with(Dialect::Simcom, |config| config.apn = Some(apn));
        let (_modem, mut uart) = ready(config);
        register(&mut uart);
        uart.ok("AT+CGDCONT=1,\"IP\",\"iot\"");
        uart.ok(line);
        uart.ok("AT+NETOPEN");
        uart.until("+NETOPEN: 0\r\n");
    }
}

#[test]
fn time_comes_with_the_network_in_quarters_of_an_hour() {
    let config = with(Dialect::Quectel, |config| {
        config.clock = Clock::Fixed(1_700_000_000);
        config.zone_quarters = -14;
    });
    let sim = "pin:1234".parse().unwrap();
    let config = Config { sim, ..config };
    let (_modem, mut uart) = ready(config);
    assert_eq!(uart.ok("AT+CCLK?"), "+CCLK: \"80/01/06,00:00:00+00\"");
    uart.ok("AT+CTZU=1;+CTZR=1");
    uart.ok("AT+CPIN=1234");
    uart.until("+CTZV: -14\r\n");
    let local = uart.ok("AT+CCLK?");
    assert!(local.starts_with("+CCLK: \"23/11/14,18:43:"), "{local}");
    assert!(local.ends_with("-14\""), "{local}");
    let utc = uart.ok("AT+QLTS=1");
    assert!(utc.starts_with("+QLTS: \"2023/11/14,22:13:"), "{utc}");
    assert!(utc.ends_with("-14,0\""), "{utc}");
}

#[test]
fn a_clock_that_is_set_goes_on() {
    let config = with(Dialect::Quectel, |config| config.clock = Clock::Unset);
    let (_modem, mut uart) = ready(config);
    register(&mut uart);
    assert_eq!(uart.ok("AT+CCLK?"), "+CCLK: \"80/01/06,00:00:00+00\"");
    uart.ok("AT+CCLK=\"24/02/29,12:00:00+00\"");
    assert!(uart.ok("AT+CCLK?").starts_with("+CCLK: \"24/02/29,12:00:0"));
    assert_eq!(uart.ask("AT+CCLK=\"24/13/01\""), "\r\n+CME ERROR: 50\r\n");
}

#[test]
fn a_profile_that_is_stored_survives() {
    let (_modem, mut uart) = ready(Config::local(Dialect::Quectel));
    uart.ok("AT+CMEE=2;&W");
    uart.ok("ATE1V1&F");
    assert_eq!(uart.ask("AT+CMEE?"), "AT+CMEE?\r\r\n+CMEE: 1\r\n\r\nOK\r\n");
    assert_eq!(uart.ask("ATZ"), "ATZ\r\r\nOK\r\n");
    assert_eq!(uart.ok("AT+CMEE?"), "+CMEE: 2");
    uart.ok("AT+CFUN=1,1");
    uart.until("SMS DONE\r\n");
    assert_eq!(uart.ok("AT+CMEE?"), "+CMEE: 2");
}

#[test]
fn a_restart_command_is_the_makers() {
    for (dialect, line) in [
        (Dialect::Simcom, "AT+CRESET"),
        (Dialect::Ublox, "AT+CFUN=15"),
        (Dialect::Ublox, "AT+CFUN=16"),
    ] {
        let (modem, mut uart) = ready(Config::local(dialect));
        uart.ok(line);
        common::wait_for_answer(&mut uart);
        assert_eq!(modem.counters().boots, 2, "{line}");
    }
    let (_modem, mut uart) = ready(Config::local(Dialect::Quectel));
    assert_eq!(uart.ask("AT+CRESET"), "\r\nERROR\r\n");
}

#[test]
fn a_modem_that_is_told_to_goes_off() {
    let cases = [
        (
            Dialect::Quectel,
            "AT+QPOWD",
            "\r\nOK\r\n\r\nPOWERED DOWN\r\n",
        ),
        (Dialect::Simcom, "AT+CPOF", "\r\nOK\r\n"),
        (Dialect::Ublox, "AT+CPWROFF", "\r\nOK\r\n"),
    ];
    for (dialect, line, want) in cases {
        let (modem, mut uart) = ready(Config::local(dialect));
        uart.write(format!("{line}\r").as_bytes());
        assert_eq!(String::from_utf8(uart.bytes(want.len())).unwrap(), want);
        uart.write(b"AT\r");
        while !modem.transcript().contains("to a modem that is off") {}
    }
}

#[test]
fn nonsense_is_an_error_or_nothing() {
    for dialect in DIALECTS {
        let (_modem, mut uart) = ready(Config::local(dialect));
        for line in [
            "AT+NOSUCH",
            "AT+NOSUCH?",
            "AT+CFUN=7",
            "AT+CGDCONT=0,\"IP\"",
            "AT+CGDCONT=\"x\"",
            "AT+COPS=9",
            "AT+CSQ=1",
            "AT@",
            "AT+",
            "AT+CEREG=9",
        ] {
            let answer = uart.ask(line);
            assert!(answer.contains("ERROR"), "{dialect:?} {line}: {answer:?}");
        }
        uart.write(b"\xff\xfe\0RDY\r\n\r\r\r");
        assert_eq!(uart.ask("AT"), "\r\nOK\r\n", "{dialect:?}");
    }
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let (_modem, mut uart) = ready(Config::local(Dialect::Quectel));
    uart.write(b"AT+CGDCONT=1,\"IP\",\"");
    uart.write(&[b'x'; 100_000]);
    assert_eq!(uart.ask("\""), "\r\nERROR\r\n");
    assert_eq!(uart.ask("AT"), "\r\nOK\r\n");
}

#[test]
fn a_modem_can_be_on_before_anybody_listens() {
    let config = with(Dialect::Quectel, |config| {
        config.power_on = PowerOn::Start;
        config.registration.delay = Duration::ZERO;
    });
    let modem = ModemSim::start(config).unwrap();
    while !modem.transcript().contains("powered up") {}
    let mut uart = Uart::connect(modem.tcp().unwrap());
    assert_eq!(
        uart.ask("ATE0"),
        "ATE0\r\r\nOK\r\n",
        "the banner is long gone"
    );
}
