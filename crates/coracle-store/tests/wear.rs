//! How long the flash lasts. Prints the figures: `cargo test -p coracle-store --test wear --
//! --nocapture`.

use coracle_core::B256;
use coracle_store::{EntryName, Intake, Memory, Phase, Store, StoreError, Wear, WhenFull};
use coracle_testkit::{FlashError, SeededRng, SimFlash};
use embassy_futures::block_on;

/// Words of 8 bytes, as flash with error correction has them.
type Flash = SimFlash<8, 4096, 8>;
type Result<T> = core::result::Result<T, StoreError<FlashError>>;

const PAGES: usize = 16;
const RECORDS_A_DAY: u64 = 96;
const DAYS: u64 = 10;
const CYCLES: u64 = 10_000;

const INTAKE: Intake = Intake {
    max_entries: 4,
    when_full: WhenFull::Refuse,
    max_state: 256,
};

/// One record from its intent to its removal, with the lengths of a reading of the meter.
async fn report(store: &Store<'_, Flash>, sequence: u64) -> Result<()> {
    let name = EntryName {
        device: B256([1; 32]),
        sequence,
    };
    let intent = [0x5a; 350];
    store
        .put(name, B256([2; 32]), None, &intent.as_slice())
        .await?;
    store.reserve(name, B256([3; 32]), 0).await?;
    let steps = [
        (Phase::Signed, 130),
        (Phase::Sent, 130),
        (Phase::Included, 210),
        (Phase::Final, 210),
    ];
    for (phase, len) in steps {
        let state = [0xa5; 256];
        store
            .set_state(name, phase, &state.get(..len).unwrap())
            .await?;
    }
    assert_eq!(store.clear_settled().await?, 1);
    Ok(())
}

/// The wear after `DAYS`, and with a start before each record where `starts` says so.
async fn live(starts: bool) -> Result<Wear> {
    let mut flash = Flash::new(PAGES, 7);
    let mut sequence = 0;
    let lives = if starts { DAYS * RECORDS_A_DAY } else { 1 };
    for life in 0..lives {
        let mut memory = Memory::<16, 512>::new();
        let store = Store::new(flash, &mut memory, INTAKE);
        if life == 0 {
            store.format(&mut SeededRng::new(7)).await?;
        }
        for _ in 0..DAYS * RECORDS_A_DAY / lives {
            report(&store, sequence).await?;
            sequence += 1;
        }
        if life == lives - 1 {
            return store.wear().await;
        }
        flash = store.into_flash();
    }
    unreachable!("the last life returns")
}

fn years(what: &str, wear: Wear) -> u64 {
    let erases = u64::from(wear.pages_begun);
    let days = CYCLES * u64::from(wear.pages) * DAYS / erases;
    let a_day = erases / DAYS;
    let years = days / 365;
    println!(
        "wear: {RECORDS_A_DAY} records a day, {PAGES} pages of {} bytes, {what}: {a_day} page \
         erases a day, {years} years on flash of {CYCLES} cycles",
        wear.page_len
    );
    years
}

#[test]
fn flash_lasts_for_years_where_ram_is_kept_in_sleep() {
    let wear = block_on(live(false)).unwrap();
    assert!(years("RAM kept in sleep", wear) >= 10);
}

#[test]
fn flash_lasts_for_years_where_every_record_begins_with_a_start() {
    let wear = block_on(live(true)).unwrap();
    assert!(years("a start for each record", wear) >= 3);
}
