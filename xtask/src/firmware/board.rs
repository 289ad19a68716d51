//! The boards that firmware is built for.

use crate::sh::Result;

/// A board, and the targets its core executes, the usual one first.
#[derive(Debug)]
pub(crate) struct Board {
    /// The cargo feature of the chip.
    pub(crate) name: &'static str,
    pub(crate) targets: &'static [&'static str],
}

pub(crate) const BOARDS: &[Board] = &[
    Board {
        name: "mps2-an386",
        // A Cortex-M4 executes what a Cortex-M0+ does.
        targets: &["thumbv7em-none-eabihf", "thumbv6m-none-eabi"],
    },
    Board {
        name: "mps2-an505",
        targets: &["thumbv8m.main-none-eabihf"],
    },
    Board {
        name: "riscv32-virt",
        targets: &["riscv32imac-unknown-none-elf"],
    },
];

pub(crate) fn find(name: Option<&str>) -> Result<&'static Board> {
    let board = name.and_then(|name| BOARDS.iter().find(|board| board.name == name));
    board.ok_or_else(|| {
        let known: Vec<&str> = BOARDS.iter().map(|board| board.name).collect();
        let known = known.join(", ");
        match name {
            Some(name) => format!("no board `{name}`; there are {known}").into(),
            None => format!("say which board: --board with one of {known}").into(),
        }
    })
}

impl Board {
    /// The target asked for, if the board executes it; the usual one if none is.
    pub(crate) fn target(&self, wanted: Option<&str>) -> Result<&'static str> {
        let Some(wanted) = wanted else {
            return Ok(self.targets[0]);
        };
        let found = self.targets.iter().find(|target| **target == wanted);
        found.copied().ok_or_else(|| {
            let known = self.targets.join(", ");
            format!("{} does not run `{wanted}`; it runs {known}", self.name).into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::TARGETS;

    #[test]
    fn a_target_that_the_core_does_not_execute_is_refused() {
        let board = find(Some("mps2-an386")).unwrap();
        assert_eq!(
            board.target(Some("thumbv6m-none-eabi")).unwrap(),
            "thumbv6m-none-eabi"
        );
        assert!(board.target(Some("thumbv8m.main-none-eabihf")).is_err());
    }

    #[test]
    fn every_target_of_a_board_can_be_set_up() {
        let targets = BOARDS.iter().flat_map(|board| board.targets);
        assert!(targets.into_iter().all(|target| TARGETS.contains(target)));
    }
}
