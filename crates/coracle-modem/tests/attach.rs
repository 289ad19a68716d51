//! The way to a data connection: SIM and PIN, registration, access point.

mod support;

use coracle_modem::{
    Authentication, AuthenticationMethod, Config, Error, FlowControl, Pin, Quectel, Simcom, Ublox,
};
use support::fake::Fault;
use support::{Bench, Fake, quectel, simcom, ublox};

fn with_pin() -> Config<'static> {
    Config {
        pin: Pin::new("1234"),
        ..Config::new("internet")
    }
}

fn locked() -> Fake {
    let mut fake = quectel::fake();
    fake.state.cpin = "SIM PIN";
    fake
}

fn pins_sent(bench: &Bench) -> usize {
    let log = bench.log();
    log.iter()
        .filter(|line| line.starts_with("AT+CPIN="))
        .count()
}

#[test]
fn pin_is_entered_once() {
    let bench = Bench::new(locked());
    let modem = bench.modem_with(Quectel, with_pin());
    assert_eq!(bench.run(modem.attach()), Ok(()));
    assert_eq!(bench.run(modem.attach()), Ok(()));
    assert_eq!(pins_sent(&bench), 1);
}

#[test]
fn pin_that_is_wanted_and_not_known_is_the_callers() {
    let bench = Bench::new(locked());
    let modem = bench.modem(Quectel);
    assert_eq!(bench.run(modem.attach()), Err(Error::PinWanted));
    assert_eq!(pins_sent(&bench), 0);
}

#[test]
fn last_try_is_never_used() {
    for left in [0, 1] {
        let bench = Bench::new(locked());
        bench.fake.borrow_mut().state.pin_tries = left;
        let modem = bench.modem_with(Quectel, with_pin());
        assert_eq!(bench.run(modem.attach()), Err(Error::PinTriesLow { left }));
        assert_eq!(bench.run(modem.attach()), Err(Error::PinTriesLow { left }));
        assert_eq!(pins_sent(&bench), 0);
    }
}

#[test]
fn last_try_is_never_used_with_simcom() {
    let mut fake = simcom::fake();
    fake.state.cpin = "SIM PIN";
    fake.state.pin_tries = 1;
    let bench = Bench::new(fake);
    let modem = bench.modem_with(Simcom, with_pin());
    assert_eq!(
        bench.run(modem.attach()),
        Err(Error::PinTriesLow { left: 1 })
    );
    bench.fake.borrow_mut().state.pin_tries = 2;
    assert_eq!(bench.run(modem.attach()), Ok(()));
}

#[test]
fn tries_that_are_not_told_keep_the_pin_back() {
    let bench = Bench::new(locked());
    let modem = bench.modem_with(Quectel, with_pin());
    // Find the question, then refuse it.
    bench.run(modem.attach()).unwrap();
    let log = bench.log();
    let at = log.iter().position(|line| line.contains("QPINC")).unwrap();
    let bench = Bench::new(locked());
    let refusal = Fault::Instead(b"\r\nERROR\r\n".to_vec());
    bench.fake.borrow_mut().faults.push((at, refusal));
    let modem = bench.modem_with(Quectel, with_pin());
    assert_eq!(bench.run(modem.attach()), Err(Error::Refused));
    assert_eq!(pins_sent(&bench), 0);
}

#[test]
fn wrong_pin_is_not_sent_again_even_after_a_restart() {
    let bench = Bench::new(locked());
    bench.fake.borrow_mut().state.pin = "9999";
    let modem = bench.modem_with(Quectel, with_pin());
    assert_eq!(bench.run(modem.attach()), Err(Error::PinWrong));
    assert_eq!(bench.run(modem.attach()), Err(Error::PinWrong));
    bench.fake.borrow_mut().restart();
    assert_eq!(bench.run(modem.attach()), Err(Error::PinWrong));
    assert_eq!(pins_sent(&bench), 1);
    assert_eq!(bench.fake.borrow().state.pin_tries, 2);
}

#[test]
fn pin_is_entered_again_after_a_restart() {
    let bench = Bench::new(locked());
    let modem = bench.modem_with(Quectel, with_pin());
    assert_eq!(bench.run(modem.attach()), Ok(()));
    bench.fake.borrow_mut().state.cpin = "SIM PIN";
    bench.fake.borrow_mut().restart();
    assert_eq!(bench.run(modem.attach()), Ok(()));
    assert_eq!(pins_sent(&bench), 2);
}

#[test]
fn dropped_future_costs_no_try() {
    for polls in 0.. {
        let bench = Bench::new(locked());
        bench.fake.borrow_mut().lazy = true;
        let modem = bench.modem_with(Quectel, with_pin());
        let done = bench.run_part(modem.attach(), polls);
        bench.fake.borrow_mut().lazy = false;
        for _ in 0..3 {
            let _ = bench.run(modem.attach());
        }
        assert_eq!(bench.run(modem.attach()), Ok(()), "after {polls}");
        assert_eq!(bench.fake.borrow().state.pin_tries, 3, "after {polls}");
        if done == Some(Ok(())) {
            assert!(polls > 200, "only {polls} awaits");
            break;
        }
    }
}

#[test]
fn restart_unnoticed_does_not_lock_us_out() {
    let bench = Bench::new(locked());
    let modem = bench.modem_with(Quectel, with_pin());
    assert_eq!(bench.run(modem.attach()), Ok(()));
    // Power was lost without a banner, echo stayed off.
    {
        let mut fake = bench.fake.borrow_mut();
        fake.state.cpin = "SIM PIN";
        fake.state.active = false;
        fake.say(b"\r\n+QIURC: \"pdpdeact\",1\r\n");
    }
    let _ = bench.run(modem.attach());
    assert_eq!(bench.run(modem.attach()), Ok(()));
}

#[test]
fn states_of_the_sim_are_told_apart() {
    for (state, error) in [
        ("", Error::NoSim),
        ("SIM PUK", Error::SimLocked),
        ("PH-NET PIN", Error::SimLocked),
    ] {
        let mut fake = quectel::fake();
        fake.state.cpin = state;
        let bench = Bench::new(fake);
        let modem = bench.modem_with(Quectel, with_pin());
        assert_eq!(bench.run(modem.attach()), Err(error), "{state}");
        assert_eq!(pins_sent(&bench), 0);
    }
}

#[test]
fn any_registration_is_enough() {
    for (creg, result) in [
        ([1, 0, 0], Ok(())),
        ([5, 0, 0], Ok(())),
        ([0, 1, 0], Ok(())),
        ([0, 0, 5], Ok(())),
        ([3, 1, 3], Ok(())),
        ([0, 0, 0], Err(Error::NotRegistered)),
        ([2, 2, 2], Err(Error::NotRegistered)),
        ([4, 6, 7], Err(Error::NotRegistered)),
        ([3, 2, 2], Err(Error::RegistrationDenied)),
        ([2, 3, 3], Err(Error::RegistrationDenied)),
    ] {
        let mut fake = quectel::fake();
        fake.state.creg = creg;
        let bench = Bench::new(fake);
        let modem = bench.modem(Quectel);
        assert_eq!(bench.run(modem.attach()), result, "{creg:?}");
    }
}

#[test]
fn search_for_a_network_is_waited_for() {
    let mut fake = quectel::fake();
    fake.state.searching = 100;
    let bench = Bench::new(fake);
    let modem = bench.modem(Quectel);
    assert_eq!(bench.run(modem.attach()), Ok(()));
    assert!(bench.clock.now_ms() > 30_000);
}

#[test]
fn news_of_registration_is_not_its_answer() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    bench.run(modem.attach()).unwrap();
    let count = bench.fake.borrow().boundary;
    for at in 0..count {
        let mut fake = quectel::fake();
        // Says that it is denied, while the answer says that it is registered.
        fake.inject = Some((
            at,
            b"\r\n+CEREG: 3\r\n\r\n+CREG: 3,\"00AB\",\"0001\",7\r\n".to_vec(),
        ));
        let bench = Bench::new(fake);
        let modem = bench.modem(Quectel);
        assert_eq!(bench.run(modem.attach()), Ok(()), "at {at}");
    }
}

#[test]
fn refused_data_connection_has_the_modems_code() {
    let mut fake = quectel::fake();
    fake.state.ignore_activation = true;
    let bench = Bench::new(fake);
    let modem = bench.modem(Quectel);
    assert_eq!(bench.run(modem.attach()), Err(Error::NoDataConnection(561)));
    // Both families were tried.
    let log = bench.log();
    assert!(log.iter().any(|line| line.starts_with("AT+QICSGP=1,3,")));
    assert!(log.iter().any(|line| line.starts_with("AT+QICSGP=1,1,")));
    let mut fake = simcom::fake();
    fake.state.ignore_activation = true;
    let bench = Bench::new(fake);
    let modem = bench.modem(Simcom);
    assert_eq!(bench.run(modem.attach()), Err(Error::NoDataConnection(1)));
}

#[test]
fn data_connection_that_is_there_is_success() {
    let mut fake = simcom::fake();
    fake.state.active = true;
    let bench = Bench::new(fake);
    let modem = bench.modem(Simcom);
    assert_eq!(bench.run(modem.attach()), Ok(()));
    assert!(!bench.log().contains(&"AT+NETOPEN".to_string()));
}

#[test]
fn already_opened_counts_as_success() {
    // Opened between the question and the command.
    let bench = Bench::new(simcom::fake());
    let modem = bench.modem(Simcom);
    bench.run(modem.attach()).unwrap();
    let at = bench
        .log()
        .iter()
        .position(|line| line == "AT+NETOPEN")
        .unwrap();
    let bench = Bench::new(simcom::fake());
    let already = b"\r\n+IP ERROR: Network is already opened\r\n\r\nERROR\r\n";
    bench
        .fake
        .borrow_mut()
        .faults
        .push((at, Fault::Instead(already.to_vec())));
    bench.fake.borrow_mut().activate_at = Some(at);
    let modem = bench.modem(Simcom);
    assert_eq!(bench.run(modem.attach()), Ok(()));
}

#[test]
fn credentials_go_in_each_dialects_order() {
    for (method, code) in [
        (AuthenticationMethod::Pap, 1),
        (AuthenticationMethod::Chap, 2),
    ] {
        let config = Config {
            authentication: Some(Authentication {
                method,
                user: "me",
                password: "secret",
            }),
            flow_control: FlowControl::RtsCts,
            ..Config::new("internet")
        };
        let bench = Bench::new(quectel::fake());
        let modem = bench.modem_with(Quectel, config);
        bench.run(modem.attach()).unwrap();
        let wanted = format!("AT+QICSGP=1,3,\"internet\",\"me\",\"secret\",{code}");
        assert!(bench.log().contains(&wanted));
        assert!(bench.log().contains(&"AT+IFC=2,2".to_string()));
        let bench = Bench::new(simcom::fake());
        let modem = bench.modem_with(Simcom, config);
        bench.run(modem.attach()).unwrap();
        let wanted = format!("AT+CGAUTH=1,{code},\"secret\",\"me\"");
        assert!(bench.log().contains(&wanted));
        for (fake, order) in [
            (ublox::fake_r4(), "\"secret\",\"me\""),
            (ublox::fake(), "\"me\",\"secret\""),
        ] {
            let bench = Bench::new(fake);
            let modem = bench.modem_with(Ublox, config);
            bench.run(modem.attach()).unwrap();
            let wanted = format!("AT+UAUTHREQ=1,{code},{order}");
            assert!(bench.log().contains(&wanted));
        }
    }
}

#[test]
fn text_that_no_command_can_carry_is_the_callers() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem_with(Quectel, Config::new("inter\"net\rAT+CFUN=0"));
    assert_eq!(bench.run(modem.attach()), Err(Error::BadText));
}

#[test]
fn secrets_are_not_shown() {
    let pin = Pin::new("4711").unwrap();
    let authentication = Authentication {
        method: AuthenticationMethod::Pap,
        user: "me",
        password: "secret",
    };
    let config = Config {
        pin: Some(pin),
        authentication: Some(authentication),
        ..Config::new("internet")
    };
    let shown = format!("{config:?} {pin:?} {authentication:?}");
    assert!(!shown.contains("4711") && !shown.contains("secret") && !shown.contains("me\""));
    assert!(Pin::new("123").is_none() && Pin::new("12a4").is_none());
    assert!(Pin::new("123456789").is_none());
}

#[test]
fn pin_without_an_answer_is_sent_again_only_after_a_restart() {
    let bench = Bench::new(locked());
    let modem = bench.modem_with(Quectel, with_pin());
    bench.run(modem.attach()).unwrap();
    let log = bench.log();
    let at = log
        .iter()
        .position(|line| line.starts_with("AT+CPIN="))
        .unwrap();
    let bench = Bench::new(locked());
    bench.fake.borrow_mut().faults.push((at, Fault::Silence));
    let modem = bench.modem_with(Quectel, with_pin());
    assert_eq!(bench.run(modem.attach()), Err(Error::Timeout));
    assert_eq!(bench.fake.borrow().restarts, 0);
    let _ = bench.run(modem.attach());
    assert_eq!(bench.run(modem.attach()), Ok(()));
    assert_eq!((pins_sent(&bench), bench.fake.borrow().restarts), (2, 1));
}
