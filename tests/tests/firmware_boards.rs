//! The boards themselves: their self test, and what the harness says of a run.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use coracle_store::{DeviceSecret as _, InsecureReadableSecret};
use coracle_tests::firmware::{
    Board, Config, Console, Ended, Image, Level, Link, Outcome, Qemu, Spec,
};
use tempfile::TempDir;

/// No run takes longer than seconds; a machine that does much else may take minutes.
const LIMIT: Duration = Duration::from_secs(120);

/// A run of the self test with these words as its settings.
struct Try {
    image: Image,
    config: Config,
    dir: TempDir,
}

impl Try {
    fn new(board: Board, words: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = dir.path().join("settings");
        std::fs::write(&settings, words).unwrap();
        let mut config = Config::closed(LIMIT);
        config.args.push(format!("settings={}", settings.display()));
        Self {
            image: Image::build(&Spec::new("selftest", board)).unwrap(),
            config,
            dir,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self) -> Outcome {
        Qemu::start(&self.image, &self.config)
            .unwrap()
            .finish()
            .unwrap()
    }
}

fn said(outcome: &Outcome, start: &str) -> bool {
    outcome
        .rest
        .iter()
        .any(|line| line.message.starts_with(start))
}

/// Listens once, gives the connection to `serve`, and returns what that makes of it.
fn peer<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (Link, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = Link::Tcp(listener.local_addr().unwrap());
    (
        link,
        thread::spawn(move || serve(listener.accept().unwrap().0)),
    )
}

fn echo(mut stream: TcpStream) {
    let mut buf = [0; 4096];
    while let Ok(len @ 1..) = stream.read(&mut buf) {
        if stream.write_all(&buf[..len]).is_err() {
            return;
        }
    }
}

fn everything(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

fn all(check: impl Fn(Board)) {
    Board::ALL.into_iter().for_each(check);
}

#[test]
fn every_board_passes_its_self_test() {
    all(|board| {
        let outcome = Try::new(board, "clock flash random stack").run();
        assert_eq!(
            outcome.ended,
            Ended::Exited(0),
            "{board}: {:?}",
            outcome.rest
        );
        for word in ["clock ok", "flash ok", "random ok", "stack ok"] {
            assert!(said(&outcome, word), "{board} did not say {word}");
        }
    });
}

#[test]
fn every_board_keeps_its_flash_in_a_file() {
    all(|board| {
        let mut run = Try::new(board, "flash");
        run.config.flash = Some(run.file("flash"));
        for start in 1..=3 {
            let outcome = run.run();
            let wanted = format!("flash ok, start {start}");
            assert!(said(&outcome, &wanted), "{board}: {:?}", outcome.rest);
        }
    });
}

#[test]
fn every_board_derives_keys_from_the_secret_that_it_is_given() {
    all(|board| {
        let mut run = Try::new(board, "secret");
        let ended = run.run().ended;
        assert_eq!(ended, Ended::Exited(2), "{board}: a secret from nowhere");

        std::fs::write(run.file("secret"), [7; 32]).unwrap();
        let secret = run.file("secret").display().to_string();
        run.config.args.push(format!("secret={secret}"));
        let mut key = [0; 32];
        let mut same = InsecureReadableSecret::new(&[7; 32]);
        same.derive(b"selftest", &mut key).unwrap();
        let wanted = format!("secret ok, key {key:?}");
        let outcome = run.run();
        assert!(said(&outcome, &wanted), "{board}: {:?}", outcome.rest);

        std::fs::write(run.file("secret"), [7; 31]).unwrap();
        let ended = run.run().ended;
        assert_eq!(
            ended,
            Ended::Exited(2),
            "{board}: a secret that is too short"
        );
    });
}

#[test]
fn every_board_has_a_blank_flash_without_a_file() {
    all(|board| {
        let run = Try::new(board, "flash");
        for _ in 0..2 {
            assert!(said(&run.run(), "flash ok, start 1"), "{board}");
        }
    });
}

#[test]
fn every_board_loses_no_byte_from_its_modem() {
    all(|board| {
        let mut run = Try::new(board, "echo");
        let (link, server) = peer(echo);
        run.config.modem = Some(link);
        let outcome = run.run();
        assert!(said(&outcome, "echo ok"), "{board}: {:?}", outcome.rest);
        server.join().unwrap();
    });
}

#[test]
fn every_board_tells_each_edge_of_its_pins() {
    all(|board| {
        let mut run = Try::new(board, "pins");
        let (link, server) = peer(everything);
        run.config.control = Some(link);
        assert_eq!(run.run().ended, Ended::Exited(0), "{board}");
        assert_eq!(server.join().unwrap(), b"PpRrDd", "{board}");
    });
}

#[test]
fn every_board_sends_every_byte_to_its_console() {
    all(|board| {
        let mut run = Try::new(board, "console");
        let console = run.file("console");
        run.config.console = Console::File(console.clone());
        assert_eq!(run.run().ended, Ended::Exited(0), "{board}");
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(std::fs::read(console).unwrap(), bytes, "{board}");
    });
}

#[test]
fn a_panic_and_a_fault_end_the_run_and_say_so() {
    all(|board| {
        for word in ["panic", "fault"] {
            let outcome = Try::new(board, word).run();
            assert_eq!(outcome.ended, Ended::Exited(2), "{word} on {board}");
            let last = outcome.rest.last().unwrap();
            assert_eq!(last.level, Level::Error, "{word} on {board}: {last}");
        }
    });
}

#[test]
fn a_run_that_failed_says_so() {
    let outcome = Try::new(Board::Mps2An386, "failure").run();
    assert_eq!(outcome.ended, Ended::Exited(1));
}

#[test]
fn a_run_that_does_not_end_is_ended() {
    let mut run = Try::new(Board::Mps2An386, "echo");
    // Nobody answers.
    run.config.limit = Duration::from_millis(300);
    assert_eq!(run.run().ended, Ended::TimedOut);
}

#[test]
fn lines_say_where_they_were_logged() {
    let outcome = Try::new(Board::Mps2An386, "clock").run();
    let line = &outcome.rest[0];
    let place = line.place.as_deref().unwrap_or_default();
    assert!(
        place.starts_with("boards/qemu/examples/selftest.rs:"),
        "{line:?}"
    );
}

#[test]
fn an_idle_board_leaves_the_host_alone() {
    all(|board| {
        let mut ticks = u64::MAX;
        let run = Try::new(board, "idle");
        let mut qemu = Qemu::start(&run.image, &run.config).unwrap();
        // The last look before the end counts: five seconds of sleep are over then.
        while let Some(now) = qemu.cpu_ticks() {
            ticks = now;
            thread::sleep(Duration::from_millis(20));
        }
        assert!(qemu.finish().unwrap().took >= Duration::from_secs(5));
        // A tick is 10 ms. Starting takes some; a core that spins takes 500.
        assert!(ticks < 150, "{board} took {ticks} ticks");
    });
}

/// The little reader in `xtask` and the one here are two programs.
#[test]
fn both_readers_of_an_image_agree() {
    let image = Image::build(&Spec::new("selftest", Board::Mps2An386)).unwrap();
    let size = image.inspect().unwrap().size;
    let output = Command::new("cargo")
        .args(["xtask", "firmware", "selftest", "--board", "mps2-an386"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse::<u64>().ok())
    };
    assert_eq!(value("flash"), Some(size.flash_bytes), "{text}");
    assert_eq!(value("static RAM"), Some(size.static_ram_bytes), "{text}");
}

#[test]
fn calls_that_can_panic_are_counted() {
    let image = Image::build(&Spec::new("selftest", Board::Mps2An386)).unwrap();
    let inspection = image.inspect().unwrap();
    assert!(
        inspection.panic_site_count() > 0,
        "the self test panics when told"
    );
    assert!(inspection.faults().is_empty(), "{:#?}", inspection.faults());
}
