//! What breaks in practice: each rule that drivers have learnt the hard way, as a test.

mod support;

use coracle_modem::{
    ActiveTimer, Edrx, EdrxCycle, EdrxRadio, Error, PeriodicTimer, PowerSaving, Psm, Quectel,
    Security, Simcom,
};
use embedded_io_async::{Read, Write};
use support::fake::{Peer, echo};
use support::{Bench, quectel, simcom};

const HOST: &str = "example.org";

/// News between a line of the answer and `OK` is not swallowed.
#[test]
fn news_inside_an_answer_is_kept() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    bench.run(async {
        let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
        {
            let mut fake = bench.fake.borrow_mut();
            let peer = &mut fake.state.peers[0];
            peer.announced = true;
            peer.inbox.extend(b"x");
            // After echo is off: before the answer, between answer and `OK`, after it.
            let boundary = fake.boundary;
            fake.inject = Some((boundary + 1, b"\r\n+QIURC: \"recv\",0\r\n".to_vec()));
        }
        let before = bench.clock.now_ms();
        modem.signal().await.unwrap();
        assert_eq!(socket.read(&mut [0; 4]).await, Ok(1));
        // Known at once, not by asking after a while.
        assert_eq!(bench.clock.now_ms(), before);
    });
}

/// "recv" comes once: the driver reads until the modem has nothing more.
#[test]
fn one_notice_is_enough_for_all_data() {
    let bench = Bench::new(quectel::fake());
    bench.fake.borrow_mut().state.service = |peer: &mut Peer| {
        if !peer.outbox.is_empty() {
            peer.outbox.clear();
            peer.inbox.extend([7; 6000]);
        }
    };
    let modem = bench.modem(Quectel);
    bench.run(async {
        let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
        socket.write_all(b"x").await.unwrap();
        let before = bench.clock.now_ms();
        let mut out = [0; 6000];
        socket.read_exact(&mut out).await.unwrap();
        assert_eq!(bench.clock.now_ms(), before);
    });
}

/// Data that arrive while the driver finds the buffer empty are not forgotten.
#[test]
fn news_during_an_empty_read_counts() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    bench.run(async {
        let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
        socket.write_all(b"ab").await.unwrap();
        assert_eq!(socket.read(&mut [0; 2]).await, Ok(2));
        {
            let mut fake = bench.fake.borrow_mut();
            let boundary = fake.boundary;
            // Before the `OK` of the empty read.
            fake.inject = Some((boundary + 1, b"\r\n+QIURC: \"recv\",0\r\n".to_vec()));
            fake.on_inject = Some(|state| state.peers[0].inbox.extend(b"late"));
        }
        let before = bench.clock.now_ms();
        assert_eq!(socket.read(&mut [0; 8]).await, Ok(4));
        assert_eq!(bench.clock.now_ms(), before);
    });
}

/// Older firmware says only which socket, newer how much as well.
#[test]
fn notice_with_and_without_a_length() {
    for notice in ["\r\n+QIURC: \"recv\",0\r\n", "\r\n+QIURC: \"recv\",0,4\r\n"] {
        let bench = Bench::new(quectel::fake());
        let modem = bench.modem(Quectel);
        bench.run(async {
            let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
            {
                let mut fake = bench.fake.borrow_mut();
                let peer = &mut fake.state.peers[0];
                peer.announced = true;
                peer.inbox.extend(b"data");
                fake.say(notice.as_bytes());
            }
            let before = bench.clock.now_ms();
            assert_eq!(socket.read(&mut [0; 8]).await, Ok(4), "{notice}");
            assert_eq!(bench.clock.now_ms(), before, "{notice}");
        });
    }
}

/// SIMCom brings the outcome after `OK`; others before. Both are understood.
#[test]
fn outcome_before_or_after_ok() {
    let bench = Bench::new(simcom::fake());
    bench.fake.borrow_mut().swap_results = true;
    let modem = bench.modem(Simcom);
    bench.run(async {
        let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
        socket.write_all(b"hello").await.unwrap();
        assert_eq!(socket.read(&mut [0; 8]).await, Ok(5));
    });
}

/// A modem that takes less than it was given says so, and the rest is given again.
#[test]
fn short_write_is_told() {
    let bench = Bench::new(simcom::fake());
    bench.fake.borrow_mut().state.takes = 3;
    let modem = bench.modem(Simcom);
    bench.run(async {
        let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
        assert_eq!(socket.write(b"hello").await, Ok(3));
        socket.write_all(b"lo, world").await.unwrap();
        let mut out = [0; 12];
        socket.read_exact(&mut out).await.unwrap();
        assert_eq!(&out, b"hello, world");
        bench.fake.borrow_mut().state.takes = 0;
        assert_eq!(socket.write(b"x").await, Err(Error::SendFailed));
        assert_eq!(socket.write(b"x").await, Err(Error::ConnectionLost));
    });
}

/// A write longer than the modem takes at once is cut, not refused.
#[test]
fn long_write_is_cut_to_what_the_modem_takes() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    bench.run(async {
        let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
        assert_eq!(socket.write(&[1; 70_000]).await, Ok(1460));
        assert_eq!(socket.write(&[]).await, Ok(0));
        assert_eq!(socket.read(&mut []).await, Ok(0));
    });
}

/// A modem that sends nothing makes a read end, and the connection lives on.
#[test]
fn read_gives_up_and_the_connection_stays() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    bench.run(async {
        let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
        socket.write_all(b"x").await.unwrap();
        assert_eq!(socket.read(&mut [0; 4]).await, Ok(1));
        bench.fake.borrow_mut().log.clear();
        let before = bench.clock.now_ms();
        assert_eq!(socket.read(&mut [0; 4]).await, Err(Error::Timeout));
        let took = bench.clock.now_ms() - before;
        assert!((59_000..62_000).contains(&took), "{took}");
        // It was asked now and then, not all the time.
        let asked = bench.log().len();
        assert!((10..15).contains(&asked), "{asked}");
        socket.write_all(b"yz").await.unwrap();
        assert_eq!(socket.read(&mut [0; 4]).await, Ok(2));
    });
}

/// Waiting for data does not keep the modem from others.
#[test]
fn waiting_read_lets_others_in() {
    let bench = Bench::new(quectel::fake());
    bench.fake.borrow_mut().state.service = |_| {};
    let modem = bench.modem(Quectel);
    bench.run(async {
        let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
        let mut out = [0; 4];
        let other = async {
            let before = bench.clock.now_ms();
            modem.signal().await.unwrap();
            bench.clock.now_ms() - before
        };
        let (read, waited) = embassy_futures::join::join(socket.read(&mut out), other).await;
        assert_eq!(read, Err(Error::Timeout));
        assert!(waited < 1_000, "{waited}");
    });
}

/// A dropped read that waits has lost nothing.
#[test]
fn dropped_wait_keeps_the_connection() {
    let bench = Bench::new(quectel::fake());
    bench.fake.borrow_mut().state.service = |_| {};
    let modem = bench.modem(Quectel);
    let mut socket = bench.run(modem.open(HOST, 80, Security::Plain)).unwrap();
    bench.run(socket.write_all(b"late")).unwrap();
    let mut out = [0; 8];
    for polls in 1..20 {
        assert_eq!(bench.run_part(socket.read(&mut out), polls), None);
    }
    bench.fake.borrow_mut().state.service = echo;
    bench.run(socket.write_all(b"r")).unwrap();
    assert_eq!(bench.run(socket.read(&mut out)), Ok(5));
    assert_eq!(&out[..5], b"later");
}

#[test]
fn signal_of_99_is_not_known() {
    for (answer, dbm) in [
        ("+CSQ: 23,99", Some(-67)),
        ("+CSQ: 0,0", Some(-113)),
        ("+CSQ: 31,0", Some(-51)),
        ("+CSQ: 99,99", None),
        ("+CSQ: 199,99", None),
    ] {
        let bench = Bench::new(quectel::fake());
        bench.fake.borrow_mut().state.csq = answer;
        let modem = bench.modem(Quectel);
        assert_eq!(bench.run(modem.signal()).unwrap().rssi_dbm, dbm, "{answer}");
    }
}

#[test]
fn operator_may_be_none() {
    for (answer, name, technology) in [
        (
            "+COPS: 0,0,\"Some Net, Ltd\",7",
            Some("Some Net, Ltd"),
            Some(7),
        ),
        ("+COPS: 0,2,\"26201\"", Some("26201"), None),
        ("+COPS: 0", None, None),
    ] {
        let bench = Bench::new(quectel::fake());
        bench.fake.borrow_mut().state.cops = answer;
        let modem = bench.modem(Quectel);
        let operator = bench.run(modem.operator()).unwrap();
        assert_eq!(operator.as_ref().map(|known| known.name.as_str()), name);
        assert_eq!(operator.and_then(|known| known.technology), technology);
    }
}

#[test]
fn clock_that_nobody_set_is_no_time() {
    for (answer, time) in [
        ("+CCLK: \"26/11/22,10:30:00+04\"", Ok(1_795_339_800)),
        ("+CCLK: \"80/01/06,00:00:10+00\"", Err(Error::NoTime)),
        ("+CCLK: \"\"", Err(Error::NoTime)),
    ] {
        let bench = Bench::new(simcom::fake());
        bench.fake.borrow_mut().state.cclk = answer;
        let modem = bench.modem(Simcom);
        let told = bench.run(modem.network_time()).map(|time| time.unix_s);
        assert_eq!(told, time, "{answer}");
    }
}

#[test]
fn power_saving_is_asked_for_in_bits() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    let saving = PowerSaving {
        psm: Some(Psm {
            periodic: PeriodicTimer::from_seconds(86_400).unwrap(),
            active: ActiveTimer::from_seconds(10).unwrap(),
        }),
        edrx: Some(Edrx {
            radio: EdrxRadio::NbIot,
            cycle: EdrxCycle::from_seconds(81).unwrap(),
        }),
    };
    bench.run(modem.power_saving(&saving)).unwrap();
    bench
        .run(modem.power_saving(&PowerSaving::default()))
        .unwrap();
    let log = bench.log();
    for wanted in [
        "AT+CPSMS=1,,,\"00111000\",\"00000101\"",
        "AT+CEDRXS=1,5,\"0101\"",
        "AT+CPSMS=0",
        "AT+CEDRXS=0",
    ] {
        assert!(log.iter().any(|line| line == wanted), "{wanted}");
    }
}

#[test]
fn identity_is_bare_lines() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    let identity = bench.run(modem.identity()).unwrap();
    assert_eq!(identity.model.as_str(), "FAKE-1");
    assert_eq!(identity.imei.as_str(), "490154203237518");
}

/// A command that comes back is no answer, also where any line may be one.
#[test]
fn echo_is_not_the_answer() {
    let bench = Bench::new(quectel::fake());
    bench.fake.borrow_mut().echo_stays = true;
    let modem = bench.modem(Quectel);
    let identity = bench.run(modem.identity()).unwrap();
    assert_eq!(identity.model.as_str(), "FAKE-1");
}

#[test]
fn sleep_releases_dtr_and_the_next_use_asserts_it() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    bench.run(modem.sleep()).unwrap();
    bench.run(modem.signal()).unwrap();
    let pins = bench.fake.borrow().pins.clone();
    assert_eq!(pins, ["dtr true", "dtr false", "dtr true"]);
    assert!(bench.log().contains(&"AT+QSCLK=1".to_string()));
}

#[test]
fn modem_that_was_switched_off_is_switched_on() {
    let bench = Bench::new(quectel::fake());
    let modem = bench.modem(Quectel);
    bench.run(modem.attach()).unwrap();
    bench.run(modem.power_off()).unwrap();
    bench.fake.borrow_mut().on = false;
    bench.run(modem.attach()).unwrap();
    let pins = bench.fake.borrow().pins.clone();
    assert!(
        pins.ends_with(&["pwrkey true".into(), "pwrkey false".into()]),
        "{pins:?}"
    );
}
