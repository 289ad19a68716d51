//! Settings of the command line: V.250 and `CMEE`.

/// What `AT&W` stores and `ATZ` brings back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Profile {
    pub(crate) echo: bool,
    /// Results as words; as numbers if not.
    pub(crate) verbose: bool,
    /// No results at all.
    pub(crate) quiet: bool,
    /// 0 `ERROR`, 1 number, 2 words.
    pub(crate) cmee: u8,
}
