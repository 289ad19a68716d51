//! Whole sessions with the small modem: what every dialect has to bear.

mod support;

use coracle_modem::{Dialect, Error, Quectel, Security, Simcom, Ublox};
use embedded_io_async::{Read, Write};
use support::fake::Fault;
use support::{Bench, Fake, TestModem, quectel, simcom, ublox};

/// Runs a test for every dialect.
macro_rules! for_each_dialect {
    ($($name:ident),* $(,)?) => {
        mod of_quectel {
            $(#[test] fn $name() { super::$name(super::Quectel, super::quectel::fake); })*
        }
        mod of_ublox_r4 {
            $(#[test] fn $name() { super::$name(super::Ublox, super::ublox::fake_r4); })*
        }
        mod of_ublox_r5 {
            $(#[test] fn $name() { super::$name(super::Ublox, super::ublox::fake); })*
        }
        mod of_simcom {
            $(#[test] fn $name() { super::$name(super::Simcom, super::simcom::fake); })*
        }
    };
}

for_each_dialect!(
    attaches_opens_sends_receives_and_closes,
    payload_that_looks_like_answers_stays_payload,
    news_at_every_boundary_change_nothing,
    restart_at_every_boundary_is_survived,
    session_recovers_from_a_fault_at_every_command,
    dropped_future_at_every_await_is_survived,
    line_ends_of_cr_cr_lf_are_understood,
    echo_that_stays_on_is_understood,
    silence_ends_in_bounded_time,
    flood_ends_in_bounded_time,
    garbage_at_boot_is_passed_over,
    line_too_long_is_passed_over,
    peer_that_closes_is_read_to_its_end_first,
    lost_news_of_data_are_made_good_by_asking,
    data_connection_is_made_again_after_its_loss,
    two_sockets_do_not_mix,
    socket_dropped_is_closed_by_the_next_use,
    no_more_sockets_than_there_are,
    names_that_do_not_resolve_and_hosts_that_refuse_differ,
    modem_that_hangs_is_reset_by_its_pin,
    prompt_left_open_is_filled_without_a_restart,
    missing_prompt_costs_the_connection_and_no_more,
    dropped_opens_leave_no_socket_behind,
    data_connection_that_is_gone_unnoticed_is_made_again,
    restart_ends_connections,
);

const HOST: &str = "example.org";

/// One connection there and back.
async fn echo<D: Dialect>(modem: &TestModem<D>, bytes: &[u8]) -> Result<(), Error> {
    let mut socket = modem.open(HOST, 80, Security::Plain).await?;
    socket.write_all(bytes).await?;
    let mut out = vec![0; bytes.len()];
    let mut read = 0;
    while read < out.len() {
        match socket.read(&mut out[read..]).await? {
            0 => return Err(Error::ConnectionLost),
            more => read += more,
        }
    }
    assert_eq!(out, bytes);
    Ok(())
}

/// Two connections: the second also closes the first.
async fn session<D: Dialect>(modem: &TestModem<D>) -> Result<(), Error> {
    echo(modem, b"hello\r\nOK\r\n").await?;
    echo(modem, &[0xff; 40]).await
}

fn attaches_opens_sends_receives_and_closes<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    assert_eq!(bench.run(session(&modem)), Ok(()));
    let log = bench.log();
    let transparent = log.iter().any(|line| line.contains("+++"));
    assert!(
        !transparent
            && log
                .iter()
                .any(|line| line.contains("CLOSE=0") || line.contains("USOCL=0")),
        "{log:?}"
    );
}

fn payload_that_looks_like_answers_stays_payload<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    let tricky =
        b"\r\nOK\r\n\r\n+QIURC: \"closed\",0\r\n+IPCLOSE: 0,1\r\nERROR\r\nRDY\r\n> @ SEND FAIL\r\n\
        +QIRD: 5\r\n+CIPRXGET: 2,0,5,0\r\n+CME ERROR: 3\r\n\r\n";
    bench.run(async {
        for start in 0..tricky.len() {
            echo(&modem, &tricky[start..]).await.unwrap();
        }
    });
}

/// What may come unasked at any time.
const NEWS: [&[u8]; 9] = [
    b"\r\n+UUSORD: 0,12\r\n",
    b"\r\n+CREG: 1\r\n",
    b"\r\n+CEREG: 1,\"00AB\",\"0001\",7\r\n",
    b"\r\n+QIURC: \"recv\",0\r\n",
    b"\r\n+CIPRXGET: 1,0\r\n",
    b"\r\n+QIURC: \"recv\",3,12\r\n",
    b"\r\n+QIND: \"csq\",20,99\r\n",
    b"\r\nRING\r\n",
    b"\r\nWHAT NOBODY KNOWS: 1,2\r\n",
];

fn news_at_every_boundary_change_nothing<D: Dialect + Copy>(dialect: D, fake: fn() -> Fake) {
    for news in NEWS {
        for at in 0.. {
            let bench = Bench::new(fake());
            bench.fake.borrow_mut().inject = Some((at, news.to_vec()));
            let modem = bench.modem(dialect);
            let news = news.escape_ascii();
            assert_eq!(bench.run(session(&modem)), Ok(()), "{news} at {at}");
            if bench.fake.borrow().boundary <= at {
                assert!(at > 40, "only {at} boundaries");
                break;
            }
        }
    }
}

fn restart_at_every_boundary_is_survived<D: Dialect + Copy>(dialect: D, fake: fn() -> Fake) {
    for at in 0.. {
        let bench = Bench::new(fake());
        bench.fake.borrow_mut().inject = Some((at, b"\r\nRDY\r\n".to_vec()));
        let modem = bench.modem(dialect);
        let first = bench.run(session(&modem));
        assert!(
            matches!(
                first,
                Ok(()) | Err(Error::Restarted | Error::ConnectionLost)
            ),
            "{first:?} at {at}"
        );
        if bench.fake.borrow().boundary <= at {
            break;
        }
        assert_eq!(bench.run(session(&modem)), Ok(()), "at {at}");
    }
}

/// Runs sessions until one succeeds; how many failed. None may take for ever.
fn until_success<D: Dialect>(bench: &Bench, modem: &TestModem<D>, what: &str) -> Vec<Error> {
    let mut failures = Vec::new();
    loop {
        let started = bench.clock.now_ms();
        let result = bench.run(session(modem));
        let took = bench.clock.now_ms() - started;
        assert!(took < 400_000, "{what}: took {took} ms");
        match result {
            Ok(()) => return failures,
            Err(error) => failures.push(error),
        }
        assert!(
            failures.len() < 4,
            "{what}: {failures:?} {:#?}",
            bench.log()
        );
    }
}

fn session_recovers_from_a_fault_at_every_command<D: Dialect + Copy>(
    dialect: D,
    fake: fn() -> Fake,
) {
    let faults = [
        Fault::Silence,
        Fault::Mute,
        Fault::Restart,
        Fault::Instead(b"\r\nERROR\r\n".to_vec()),
        Fault::Instead(b"\r\n+CME ERROR: 3\r\n".to_vec()),
        Fault::Instead(b"\r\nOK\r\n".to_vec()),
        Fault::Instead(b"\r\n+QIRD: 4294967295\r\n".to_vec()),
        Fault::Instead(b"\r\nSEND FAIL\r\n".to_vec()),
        Fault::Instead(b"\0\xff garbage".to_vec()),
    ];
    for fault in faults {
        for at in 0.. {
            let bench = Bench::new(fake());
            bench.fake.borrow_mut().faults.push((at, fault.clone()));
            let modem = bench.modem(dialect);
            until_success(&bench, &modem, &format!("{fault:?} at {at}"));
            if !bench.fake.borrow().faults.is_empty() {
                assert!(at > 15, "only {at} commands");
                break;
            }
        }
    }
}

fn dropped_future_at_every_await_is_survived<D: Dialect + Copy>(dialect: D, fake: fn() -> Fake) {
    for polls in 0.. {
        let bench = Bench::new(fake());
        bench.fake.borrow_mut().lazy = true;
        // Every byte is an await; a few at once keep the test short.
        bench.fake.borrow_mut().read_len = 3;
        let modem = bench.modem(dialect);
        let done = bench.run_part(session(&modem), polls);
        if done == Some(Ok(())) {
            assert!(polls >= 300, "only {polls} awaits");
            break;
        }
        assert_eq!(done, None, "after {polls}");
        bench.fake.borrow_mut().lazy = false;
        until_success(&bench, &modem, &format!("dropped after {polls}"));
    }
}

fn line_ends_of_cr_cr_lf_are_understood<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    bench.fake.borrow_mut().line_end = "\r\r\n";
    let modem = bench.modem(dialect);
    assert_eq!(bench.run(session(&modem)), Ok(()));
}

fn echo_that_stays_on_is_understood<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    bench.fake.borrow_mut().echo_stays = true;
    let modem = bench.modem(dialect);
    assert_eq!(bench.run(session(&modem)), Ok(()));
}

fn silence_ends_in_bounded_time<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    bench.fake.borrow_mut().hung = true;
    let modem = bench.modem(dialect);
    let first = bench.run(modem.attach());
    // A pulse of PWRKEY switches a modem off that was on; the next switches it on.
    assert!(matches!(first, Err(Error::Silent)), "{first:?}");
    assert!(bench.clock.now_ms() < 60_000, "{}", bench.clock.now_ms());
    assert_eq!(bench.run(modem.attach()), Ok(()));
}

fn flood_ends_in_bounded_time<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    assert_eq!(bench.run(session(&modem)), Ok(()));
    bench.fake.borrow_mut().flood = true;
    // An answer among the flood is found.
    assert!(bench.run(modem.signal()).is_ok());
    // Where there is none, the flood does not hold us for ever.
    bench.fake.borrow_mut().mute = true;
    assert_eq!(bench.run(modem.signal()), Err(Error::Flood));
    assert!(bench.run(modem.signal()).is_err());
    bench.fake.borrow_mut().flood = false;
    bench.fake.borrow_mut().mute = false;
    until_success(&bench, &modem, "after the flood");
}

fn garbage_at_boot_is_passed_over<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let noise = b"\0\0\xff\xfe\x7f\x1b\x80\r\0\n\r\n\0RDY\r\n\xff+CFUN: 1\r\n\0\0";
    bench.fake.borrow_mut().say(noise);
    let modem = bench.modem(dialect);
    assert_eq!(bench.run(session(&modem)), Ok(()));
}

fn line_too_long_is_passed_over<D: Dialect + Copy>(dialect: D, fake: fn() -> Fake) {
    let mut long = b"\r\n+QIURC: \"recv\",".to_vec();
    long.resize(3000, b'7');
    long.extend(b"\r\n");
    for at in [0, 3, 20, 40, 50] {
        let bench = Bench::new(fake());
        bench.fake.borrow_mut().inject = Some((at, long.clone()));
        let modem = bench.modem(dialect);
        assert_eq!(bench.run(session(&modem)), Ok(()), "at {at}");
    }
}

fn peer_that_closes_is_read_to_its_end_first<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    bench.fake.borrow_mut().state.service = |peer| {
        if !peer.outbox.is_empty() {
            support::fake::echo(peer);
            peer.closed = true;
        }
    };
    let modem = bench.modem(dialect);
    bench.run(async {
        let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
        let sent = [7; 3000];
        socket.write_all(&sent[..1000]).await.unwrap();
        let mut got = Vec::new();
        let mut buf = [0; 64];
        loop {
            match socket.read(&mut buf).await.unwrap() {
                0 => break,
                read => got.extend_from_slice(&buf[..read]),
            }
        }
        assert_eq!(got, &sent[..1000]);
        assert_eq!(socket.read(&mut buf).await, Ok(0));
    });
}

fn lost_news_of_data_are_made_good_by_asking<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    bench.fake.borrow_mut().state.service = |peer| {
        peer.announced = true;
        support::fake::echo(peer);
    };
    let modem = bench.modem(dialect);
    assert_eq!(bench.run(session(&modem)), Ok(()));
}

fn data_connection_is_made_again_after_its_loss<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    bench.run(async {
        let mut socket = modem.open(HOST, 80, Security::Plain).await.unwrap();
        bench.fake.borrow_mut().state.active = false;
        bench
            .fake
            .borrow_mut()
            .say(b"\r\n+QIURC: \"pdpdeact\",1\r\n\r\n+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY\r\n\r\n+UUPSDD: 0\r\n");
        let lost = socket.read(&mut [0; 8]).await;
        assert_eq!(lost, Err(Error::ConnectionLost));
        assert_eq!(socket.write(b"x").await, Err(Error::ConnectionLost));
    });
    assert_eq!(bench.run(session(&modem)), Ok(()));
}

fn two_sockets_do_not_mix<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    bench.run(async {
        let mut one = modem.open(HOST, 80, Security::Plain).await.unwrap();
        let mut two = modem.open(HOST, 80, Security::Plain).await.unwrap();
        one.write_all(b"one").await.unwrap();
        two.write_all(b"second").await.unwrap();
        let mut out = [0; 16];
        assert_eq!(two.read(&mut out).await, Ok(6));
        assert_eq!(&out[..6], b"second");
        assert_eq!(one.read(&mut out).await, Ok(3));
        assert_eq!(&out[..3], b"one");
    });
}

fn socket_dropped_is_closed_by_the_next_use<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    bench.run(async {
        for _ in 0..10 {
            drop(modem.open(HOST, 80, Security::Plain).await.unwrap());
        }
        modem.signal().await.unwrap();
    });
    let open = bench
        .fake
        .borrow()
        .state
        .peers
        .iter()
        .filter(|peer| peer.open)
        .count();
    assert_eq!(open, 0);
}

fn no_more_sockets_than_there_are<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    bench.run(async {
        let mut open = Vec::new();
        for _ in 0..4 {
            open.push(modem.open(HOST, 80, Security::Plain).await.unwrap());
        }
        let fifth = modem.open(HOST, 80, Security::Plain).await;
        assert_eq!(fifth.err(), Some(Error::NoSocket));
        open.pop();
        assert!(modem.open(HOST, 80, Security::Plain).await.is_ok());
    });
}

fn names_that_do_not_resolve_and_hosts_that_refuse_differ<D: Dialect>(
    dialect: D,
    fake: fn() -> Fake,
) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    bench.run(async {
        let open = |host| modem.open(host, 80, Security::Plain);
        let nowhere = open("nowhere.example").await.err();
        assert!(matches!(nowhere, Some(Error::Dns(_))), "{nowhere:?}");
        let refused = open("refused.example").await.err();
        assert!(matches!(refused, Some(Error::Connect(_))), "{refused:?}");
        assert_eq!(open("quo\"te").await.err(), Some(Error::BadText));
        assert!(open(HOST).await.is_ok());
        let address = modem.resolve(HOST).await.unwrap();
        assert_eq!(address.to_string(), "192.0.2.7");
        bench.fake.borrow_mut().state.dns = "";
        let nowhere = modem.resolve(HOST).await;
        assert!(matches!(nowhere, Err(Error::Dns(_))), "{nowhere:?}");
    });
}

fn modem_that_hangs_is_reset_by_its_pin<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    assert_eq!(bench.run(session(&modem)), Ok(()));
    bench.fake.borrow_mut().hung = true;
    assert_eq!(bench.run(session(&modem)), Err(Error::Timeout));
    assert_eq!(bench.run(session(&modem)), Ok(()));
    let pins = bench.fake.borrow().pins.clone();
    assert!(pins.contains(&"reset true".into()) && pins.contains(&"reset false".into()));
}

fn prompt_left_open_is_filled_without_a_restart<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    let mut socket = bench.run(modem.open(HOST, 80, Security::Plain)).unwrap();
    bench.fake.borrow_mut().lazy = true;
    // Far enough for the prompt, not for all of the payload.
    assert_eq!(bench.run_part(socket.write(&[7; 900]), 200), None);
    bench.fake.borrow_mut().lazy = false;
    assert_eq!(bench.run(socket.write(b"x")), Err(Error::ConnectionLost));
    drop(socket);
    assert_eq!(bench.run(session(&modem)), Ok(()));
    assert_eq!(bench.fake.borrow().restarts, 0);
}

fn missing_prompt_costs_the_connection_and_no_more<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    let mut socket = bench.run(modem.open(HOST, 80, Security::Plain)).unwrap();
    bench.fake.borrow_mut().lost_prompts = 1;
    assert_eq!(bench.run(socket.write(&[7; 900])), Err(Error::Timeout));
    assert_eq!(bench.run(socket.write(b"x")), Err(Error::ConnectionLost));
    drop(socket);
    assert_eq!(bench.run(session(&modem)), Ok(()));
    assert_eq!(bench.fake.borrow().restarts, 0);
}

fn dropped_opens_leave_no_socket_behind<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    assert_eq!(bench.run(session(&modem)), Ok(()));
    for polls in 1..150 {
        bench.fake.borrow_mut().lazy = true;
        let open = modem.open(HOST, 80, Security::Plain);
        drop(bench.run_part(open, polls));
        bench.fake.borrow_mut().lazy = false;
        bench.run(modem.signal()).unwrap();
        let fake = bench.fake.borrow();
        let left = fake
            .state
            .peers
            .iter()
            .filter(|peer| peer.open || peer.made);
        assert_eq!(left.count(), 0, "after {polls}");
    }
    // Nor did they use up what this driver keeps of sockets.
    assert_eq!(bench.run(session(&modem)), Ok(()));
    assert_eq!(bench.fake.borrow().restarts, 0);
}

fn data_connection_that_is_gone_unnoticed_is_made_again<D: Dialect>(
    dialect: D,
    fake: fn() -> Fake,
) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    assert_eq!(bench.run(session(&modem)), Ok(()));
    bench.fake.borrow_mut().state.active = false;
    assert!(bench.run(session(&modem)).is_err());
    assert_eq!(bench.run(session(&modem)), Ok(()));
}

fn restart_ends_connections<D: Dialect>(dialect: D, fake: fn() -> Fake) {
    let bench = Bench::new(fake());
    let modem = bench.modem(dialect);
    bench.run(async {
        let mut old = modem.open(HOST, 80, Security::Plain).await.unwrap();
        bench.fake.borrow_mut().restart();
        assert_eq!(old.read(&mut [0; 4]).await, Err(Error::ConnectionLost));
        let mut new = modem.open(HOST, 80, Security::Plain).await.unwrap();
        assert_eq!(old.write(b"x").await, Err(Error::ConnectionLost));
        drop(old);
        new.write_all(b"new").await.unwrap();
        assert_eq!(new.read(&mut [0; 4]).await, Ok(3));
    });
}
