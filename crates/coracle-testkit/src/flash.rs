//! NOR flash in memory, with power cuts.

use core::fmt;

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

use crate::SeededRng;

const ERASED: u8 = 0xff;

/// A flip that hits more bits than this is not a flip but a torn write.
const MAX_FLIPS: usize = 4;

/// NOR flash in memory: a strict referee that can lose power.
///
/// `WORD` is the unit of programming in bytes, `PAGE` the unit of erasing, `READ` that of
/// reading.
///
/// A word may be programmed once between two erases. What was being programmed or erased
/// when power went counts as touched, even where it reads back as erased: nobody can tell
/// how far its cells got.
///
/// What a program must not do is refused, and kept as a [`Violation`]. A flash that is
/// dropped with violations nobody took fails its test.
#[derive(Clone, Debug)]
pub struct SimFlash<const WORD: usize, const PAGE: usize, const READ: usize = WORD> {
    cells: Vec<u8>,
    words: Vec<Word>,
    rng: SeededRng,
    operations: u64,
    cut: Option<Cut>,
    is_off: bool,
    violations: Vec<Violation>,
    reads: Reads,
}

/// What is known of a word beside its cells.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    is_touched: bool,
    is_unreadable: bool,
    is_bad: bool,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Operations until then, this one counted.
    left: u64,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, Default)]
struct Reads {
    done: u64,
    fail_every: u64,
}

/// How the operation ends in which power goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Power goes before it: nothing changes.
    Before,
    /// In the middle. Of a write, some words are complete, and the bits of the next are
    /// programmed at random: none, some or all. Of an erase, the bits of each word are
    /// erased at random. A word that was hit may be unreadable, as one is whose error
    /// correction fails.
    Torn,
    /// After it, but a few bits of what it wrote are wrong.
    Flipped,
    /// After it: all is well, and the caller is told that it failed.
    After,
}

impl Ending {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Before, Self::Torn, Self::Flipped, Self::After];
}

/// Why the flash failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FlashError {
    /// Power went; nothing works until [`SimFlash::power_on`].
    PowerCut,
    /// The word's error correction fails, until it is erased.
    Unreadable,
    /// This read failed; the next one may succeed.
    ReadFailed,
    /// The caller did what is not allowed; see [`SimFlash::violations`].
    Violation(Violation),
}

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerCut => f.write_str("power is off"),
            Self::Unreadable => f.write_str("word is unreadable"),
            Self::ReadFailed => f.write_str("read failed"),
            Self::Violation(violation) => violation.fmt(f),
        }
    }
}

impl core::error::Error for FlashError {}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Violation(Violation::Misaligned { .. }) => NorFlashErrorKind::NotAligned,
            Self::Violation(Violation::OutOfBounds { .. }) => NorFlashErrorKind::OutOfBounds,
            _ => NorFlashErrorKind::Other,
        }
    }
}

/// What a program must not do to a flash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Violation {
    /// Begin or length is no multiple of the unit.
    Misaligned {
        /// Where, in bytes.
        at: u32,
        /// How many bytes.
        len: usize,
    },
    /// It goes past the end.
    OutOfBounds {
        /// Where, in bytes.
        at: u32,
        /// How many bytes.
        len: usize,
    },
    /// The word was touched since it was erased last.
    ProgrammedTwice {
        /// The word's place in bytes.
        at: u32,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned { at, len } => write!(f, "{len} bytes at {at:#x} are not aligned"),
            Self::OutOfBounds { at, len } => write!(f, "{len} bytes at {at:#x} go past the end"),
            Self::ProgrammedTwice { at } => write!(f, "word at {at:#x} is programmed twice"),
        }
    }
}

impl<const WORD: usize, const PAGE: usize, const READ: usize> SimFlash<WORD, PAGE, READ> {
    const GEOMETRY: () = assert!(
        WORD >= 1 && WORD <= 32 && READ >= 1 && PAGE.is_multiple_of(WORD) && WORD.is_power_of_two()
    );

    /// A new chip of so many pages, all of them erased. The seed decides what torn and
    /// flipped words look like.
    pub fn new(pages: usize, seed: u64) -> Self {
        let () = Self::GEOMETRY;
        Self {
            cells: vec![ERASED; pages * PAGE],
            words: vec![Word::default(); pages * PAGE / WORD],
            rng: SeededRng::new(seed),
            operations: 0,
            cut: None,
            is_off: false,
            violations: Vec::new(),
            reads: Reads::default(),
        }
    }

    /// Power goes in the `nth` program or erase from now, 1 being the next.
    pub fn cut_at(&mut self, nth: u64, ending: Ending) {
        self.cut = Some(Cut { left: nth, ending });
    }

    /// Power comes back, and a cut that is still to come is called off.
    pub fn power_on(&mut self) {
        self.is_off = false;
        self.cut = None;
    }

    /// Every `nth` read fails once; 0 for none.
    pub fn fail_reads(&mut self, nth: u64) {
        self.reads = Reads {
            done: 0,
            fail_every: nth,
        };
    }

    /// The word that holds this byte is worn out for good: some of what is programmed there
    /// does not stay, and the driver does not notice.
    pub fn wear_out(&mut self, at: usize) {
        self.words[at / WORD].is_bad = true;
    }

    /// Changes cells behind the caller's back: bits that are set in `mask` are flipped.
    pub fn flip(&mut self, at: usize, mask: u8) {
        self.cells[at] ^= mask;
    }

    /// Puts other contents on the chip, as somebody with a programmer does.
    pub fn load(&mut self, image: &[u8]) {
        self.cells.copy_from_slice(image);
        for (word, cells) in self.words.iter_mut().zip(self.cells.chunks(WORD)) {
            word.is_touched = cells.iter().any(|cell| *cell != ERASED);
            word.is_unreadable = false;
        }
    }

    /// What the caller did that is not allowed, and the list is empty again.
    pub fn take_violations(&mut self) -> Vec<Violation> {
        core::mem::take(&mut self.violations)
    }

    /// What the caller did that is not allowed.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Programs and erases so far, the one in which power went counted.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Whether power went.
    pub fn is_off(&self) -> bool {
        self.is_off
    }

    /// All bytes. Those of unreadable words are what their cells hold.
    pub fn image(&self) -> &[u8] {
        &self.cells
    }

    fn refuse(&mut self, violation: Violation) -> FlashError {
        self.violations.push(violation);
        FlashError::Violation(violation)
    }

    /// The range as indices, where it is allowed.
    fn range(
        &mut self,
        at: u32,
        len: usize,
        unit: usize,
    ) -> Result<core::ops::Range<usize>, FlashError> {
        let start = at as usize;
        if !start.is_multiple_of(unit) || !len.is_multiple_of(unit) {
            return Err(self.refuse(Violation::Misaligned { at, len }));
        }
        if start + len > self.cells.len() {
            return Err(self.refuse(Violation::OutOfBounds { at, len }));
        }
        Ok(start..start + len)
    }

    /// Counts a program or an erase; how it ends where power goes in it.
    fn begin(&mut self) -> Option<Ending> {
        self.operations += 1;
        let cut = self.cut.as_mut()?;
        cut.left -= 1;
        if cut.left > 0 {
            return None;
        }
        self.is_off = true;
        self.cut.take().map(|cut| cut.ending)
    }

    fn program_word(&mut self, at: usize, bytes: &[u8]) {
        let word = &mut self.words[at / WORD];
        word.is_touched = true;
        for (cell, byte) in self.cells[at..].iter_mut().zip(bytes) {
            *cell &= byte;
        }
        if word.is_bad {
            self.cells[at] ^= 1;
        }
    }

    /// Some of the bits that were to become 0 did.
    fn tear_word(&mut self, at: usize, bytes: &[u8]) {
        let some = self.rng.below(3);
        for (offset, byte) in bytes.iter().enumerate() {
            let kept = match some {
                0 => u8::MAX,
                1 => 0,
                _ => self.random_byte(),
            };
            self.cells[at + offset] &= byte | kept;
        }
        let is_unreadable = self.rng.below(3) == 0;
        let word = &mut self.words[at / WORD];
        word.is_touched = true;
        word.is_unreadable = is_unreadable;
    }

    fn tear_erase(&mut self, range: core::ops::Range<usize>) {
        for at in range.step_by(WORD) {
            let some = self.rng.below(4);
            for offset in 0..WORD {
                let erased = match some {
                    0 => u8::MAX,
                    1 => 0,
                    _ => self.random_byte(),
                };
                self.cells[at + offset] |= erased;
            }
            let is_unreadable = self.rng.below(8) == 0;
            let word = &mut self.words[at / WORD];
            word.is_touched = true;
            word.is_unreadable |= is_unreadable;
        }
    }

    fn flip_some(&mut self, range: core::ops::Range<usize>) {
        for _ in 0..=self.rng.below(MAX_FLIPS) {
            let at = range.start + self.rng.below(range.len());
            self.cells[at] ^= 1 << self.rng.below(8);
            self.words[at / WORD].is_touched = true;
        }
    }

    fn random_byte(&mut self) -> u8 {
        self.rng.next_word().to_le_bytes()[0]
    }
}

impl<const WORD: usize, const PAGE: usize, const READ: usize> Drop for SimFlash<WORD, PAGE, READ> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.violations, [], "the flash was misused");
        }
    }
}

impl<const WORD: usize, const PAGE: usize, const READ: usize> ErrorType
    for SimFlash<WORD, PAGE, READ>
{
    type Error = FlashError;
}

impl<const WORD: usize, const PAGE: usize, const READ: usize> ReadNorFlash
    for SimFlash<WORD, PAGE, READ>
{
    const READ_SIZE: usize = READ;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        if self.is_off {
            return Err(FlashError::PowerCut);
        }
        let range = self.range(offset, bytes.len(), READ)?;
        self.reads.done += 1;
        if self.reads.fail_every > 0 && self.reads.done.is_multiple_of(self.reads.fail_every) {
            return Err(FlashError::ReadFailed);
        }
        let words = &self.words[range.start / WORD..range.end.div_ceil(WORD)];
        if words.iter().any(|word| word.is_unreadable) {
            return Err(FlashError::Unreadable);
        }
        bytes.copy_from_slice(&self.cells[range]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.cells.len()
    }
}

impl<const WORD: usize, const PAGE: usize, const READ: usize> NorFlash
    for SimFlash<WORD, PAGE, READ>
{
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        if self.is_off {
            return Err(FlashError::PowerCut);
        }
        let len = to.saturating_sub(from) as usize;
        if to < from {
            return Err(self.refuse(Violation::OutOfBounds { at: from, len }));
        }
        let range = self.range(from, len, PAGE)?;
        let ending = self.begin();
        match ending {
            Some(Ending::Before) => return Err(FlashError::PowerCut),
            Some(Ending::Torn) => {
                self.tear_erase(range);
                return Err(FlashError::PowerCut);
            }
            _ => {}
        }
        self.cells[range.clone()].fill(ERASED);
        for word in &mut self.words[range.start / WORD..range.end / WORD] {
            word.is_touched = false;
            word.is_unreadable = false;
        }
        if ending == Some(Ending::Flipped) {
            self.flip_some(range);
        }
        ending.map_or(Ok(()), |_| Err(FlashError::PowerCut))
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        if self.is_off {
            return Err(FlashError::PowerCut);
        }
        let range = self.range(offset, bytes.len(), WORD)?;
        let words = range.start / WORD..range.end / WORD;
        if let Some(first) = words.clone().find(|word| self.words[*word].is_touched) {
            let at = u32::try_from(first * WORD).unwrap_or(u32::MAX);
            return Err(self.refuse(Violation::ProgrammedTwice { at }));
        }
        let ending = self.begin();
        let whole = match ending {
            Some(Ending::Before) => return Err(FlashError::PowerCut),
            Some(Ending::Torn) => self.rng.below(words.len()),
            _ => words.len(),
        };
        let places = range.clone().step_by(WORD);
        for (index, (at, word)) in places.zip(bytes.chunks(WORD)).enumerate() {
            if index == whole {
                self.tear_word(at, word);
                break;
            }
            self.program_word(at, word);
        }
        if ending == Some(Ending::Flipped) {
            self.flip_some(range);
        }
        ending.map_or(Ok(()), |_| Err(FlashError::PowerCut))
    }
}

#[cfg(test)]
mod tests {
    use embassy_futures::block_on;

    use super::*;

    type Flash = SimFlash<8, 64>;

    const BYTES: [u8; 16] = *b"0123456789abcdef";

    fn image_of(flash: &Flash, at: usize) -> [u8; 16] {
        *flash.image()[at..].first_chunk().expect("within the flash")
    }

    #[test]
    fn reads_what_was_written_and_ones_elsewhere() {
        let mut flash = Flash::new(2, 0);
        block_on(flash.write(16, &BYTES)).expect("allowed");
        let mut bytes = [0; 24];
        block_on(flash.read(16, &mut bytes)).expect("allowed");
        assert_eq!(bytes[..16], BYTES);
        assert_eq!(bytes[16..], [ERASED; 8]);
        block_on(flash.erase(0, 64)).expect("allowed");
        assert_eq!(image_of(&flash, 16), [ERASED; 16]);
        assert_eq!(flash.operations(), 2);
    }

    #[test]
    fn refuses_to_program_a_word_twice() {
        let mut flash = Flash::new(1, 0);
        block_on(flash.write(8, &BYTES)).expect("allowed");
        let twice = Violation::ProgrammedTwice { at: 16 };
        let refused = block_on(flash.write(16, &BYTES));
        assert_eq!(refused, Err(FlashError::Violation(twice)));
        // Even where it would change nothing.
        block_on(flash.write(32, &[ERASED; 8])).expect("allowed");
        block_on(flash.write(32, &[ERASED; 8])).expect_err("touched");
        assert_eq!(flash.take_violations().len(), 2);
    }

    #[test]
    fn refuses_what_is_not_aligned_or_out_of_bounds() {
        let mut flash = Flash::new(2, 0);
        let mut bytes = [0; 8];
        block_on(flash.read(4, &mut bytes)).expect_err("not aligned");
        block_on(flash.read(0, &mut bytes[..4])).expect_err("not aligned");
        block_on(flash.read(128, &mut bytes)).expect_err("out of bounds");
        block_on(flash.write(4, &BYTES)).expect_err("not aligned");
        block_on(flash.write(0, &BYTES[..4])).expect_err("not aligned");
        block_on(flash.write(120, &BYTES)).expect_err("out of bounds");
        block_on(flash.erase(8, 64)).expect_err("not aligned");
        block_on(flash.erase(64, 192)).expect_err("out of bounds");
        block_on(flash.erase(64, 0)).expect_err("turned around");
        assert_eq!(flash.take_violations().len(), 9);
        assert_eq!(flash.operations(), 0);
        assert_eq!(flash.image(), [ERASED; 128]);
    }

    #[test]
    #[should_panic(expected = "the flash was misused")]
    fn fails_the_test_that_forgets_a_violation() {
        let mut flash = Flash::new(1, 0);
        block_on(flash.write(1, &BYTES)).expect_err("not aligned");
    }

    #[test]
    fn nothing_works_while_power_is_off() {
        let mut flash = Flash::new(1, 0);
        flash.cut_at(2, Ending::After);
        block_on(flash.write(0, &BYTES)).expect("power is on");
        let cut = Err(FlashError::PowerCut);
        assert_eq!(block_on(flash.write(16, &BYTES)), cut);
        assert_eq!(block_on(flash.read(0, &mut [0; 8])), cut);
        assert_eq!(block_on(flash.write(32, &BYTES)), cut);
        assert_eq!(block_on(flash.erase(0, 64)), cut);
        assert!(flash.is_off());
        flash.power_on();
        block_on(flash.write(32, &BYTES)).expect("power is on");
        for at in [0, 16, 32] {
            assert_eq!(image_of(&flash, at), BYTES);
        }
    }

    #[test]
    fn a_cut_before_changes_nothing() {
        let mut flash = Flash::new(1, 0);
        block_on(flash.write(0, &BYTES)).expect("allowed");
        for erases in [false, true] {
            flash.cut_at(1, Ending::Before);
            let done = if erases {
                block_on(flash.erase(0, 64))
            } else {
                block_on(flash.write(16, &BYTES))
            };
            assert_eq!(done, Err(FlashError::PowerCut));
            flash.power_on();
            assert_eq!(image_of(&flash, 0), BYTES);
            assert_eq!(image_of(&flash, 16), [ERASED; 16]);
        }
        block_on(flash.write(16, &BYTES)).expect("untouched");
    }

    #[test]
    fn a_torn_write_ends_somewhere_and_its_word_is_used_up() {
        let mut looked_erased = 0;
        let mut unreadable = 0;
        for seed in 0..200 {
            let mut flash = Flash::new(1, seed);
            flash.cut_at(1, Ending::Torn);
            block_on(flash.write(0, &BYTES)).expect_err("cut");
            flash.power_on();
            let image = image_of(&flash, 0);
            // No bit is cleared that was not to be.
            assert!(
                image
                    .iter()
                    .zip(BYTES)
                    .all(|(cell, byte)| cell & byte == byte)
            );
            let first_is_whole = image[..8] == BYTES[..8];
            assert!(first_is_whole || image[8..] == [ERASED; 8]);
            looked_erased += usize::from(image == [ERASED; 16]);
            let torn = u32::from(flash.words[1].is_touched) * 8;
            unreadable += usize::from(block_on(flash.read(torn, &mut [0; 8])).is_err());
            block_on(flash.write(torn, &BYTES[..8])).expect_err("touched");
            assert_eq!(flash.take_violations().len(), 1);
        }
        assert!(looked_erased > 10 && unreadable > 10);
    }

    #[test]
    fn a_torn_erase_leaves_every_word_used_up() {
        let mut flash = Flash::new(2, 3);
        block_on(flash.write(0, &BYTES)).expect("allowed");
        block_on(flash.write(64, &BYTES)).expect("allowed");
        flash.cut_at(1, Ending::Torn);
        block_on(flash.erase(0, 64)).expect_err("cut");
        flash.power_on();
        block_on(flash.write(56, &BYTES[..8])).expect_err("touched");
        flash.take_violations();
        assert_eq!(image_of(&flash, 64), BYTES);
        block_on(flash.erase(0, 64)).expect("power is on");
        block_on(flash.write(56, &BYTES[..8])).expect("erased");
    }

    #[test]
    fn a_flipped_end_is_near_to_what_was_written() {
        for seed in 0..100 {
            let mut flash = Flash::new(1, seed);
            flash.cut_at(1, Ending::Flipped);
            block_on(flash.write(0, &BYTES)).expect_err("cut");
            let wrong = image_of(&flash, 0).into_iter().zip(BYTES);
            let wrong: u32 = wrong.map(|(cell, byte)| (cell ^ byte).count_ones()).sum();
            assert!(wrong as usize <= MAX_FLIPS);
            assert_eq!(flash.image()[16..], [ERASED; 48]);
        }
    }

    #[test]
    fn a_failed_read_succeeds_when_it_is_tried_again() {
        let mut flash = Flash::new(1, 0);
        flash.fail_reads(3);
        let mut failed = 0;
        for _ in 0..9 {
            failed += usize::from(block_on(flash.read(0, &mut [0; 8])).is_err());
        }
        assert_eq!(failed, 3);
    }

    #[test]
    fn a_bad_word_never_reads_back() {
        let mut flash = Flash::new(1, 0);
        flash.wear_out(12);
        for _ in 0..3 {
            block_on(flash.write(0, &BYTES)).expect("the driver does not notice");
            assert_eq!(image_of(&flash, 0)[..8], BYTES[..8]);
            assert_ne!(image_of(&flash, 0)[8..], BYTES[8..]);
            block_on(flash.erase(0, 64)).expect("allowed");
        }
    }

    #[test]
    fn the_same_seed_breaks_the_same_bits() {
        let run = |seed| {
            let mut flash = Flash::new(1, seed);
            flash.cut_at(1, Ending::Torn);
            block_on(flash.erase(0, 64)).expect_err("cut");
            flash.power_on();
            block_on(flash.erase(0, 64)).expect("power is on");
            flash.cut_at(1, Ending::Flipped);
            block_on(flash.write(0, &BYTES)).expect_err("cut");
            flash.image().to_vec()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
