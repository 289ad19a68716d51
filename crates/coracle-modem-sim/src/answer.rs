//! How a command ends.

/// A command that was accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Done {
    /// `OK` follows.
    Ok,
    /// Everything is said, or will be: a prompt, `SEND OK`, a restart.
    Said,
    /// The result is not known yet: [`crate::core::Core::unblock`] brings it, and what
    /// the firmware sends until then waits.
    Wait,
}

/// A command that was not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// `ERROR`, whatever `CMEE` says.
    Error,
    /// `+CME ERROR`, in the form that `CMEE` says.
    Cme(u16),
}

pub(crate) type Answer = Result<Done, Refusal>;

impl Refusal {
    /// 27.007 9.2: operation not allowed.
    pub(crate) const NOT_ALLOWED: Self = Self::Cme(3);
    /// Operation not supported.
    pub(crate) const NOT_SUPPORTED: Self = Self::Cme(4);
    /// No network service.
    pub(crate) const NO_NETWORK: Self = Self::Cme(30);
    /// Incorrect parameters.
    pub(crate) const PARAMETERS: Self = Self::Cme(50);
}

/// The words of 27.007 section 9.2 for the errors used here.
pub(crate) const fn cme_words(code: u16) -> &'static str {
    match code {
        3 => "operation not allowed",
        4 => "operation not supported",
        10 => "SIM not inserted",
        11 => "SIM PIN required",
        12 => "SIM PUK required",
        13 => "SIM failure",
        14 => "SIM busy",
        16 => "incorrect password",
        22 => "not found",
        30 => "no network service",
        50 => "Incorrect parameters",
        _ => "unknown",
    }
}
