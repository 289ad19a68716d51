//! `<err>` of the TCP/IP application note, chapter "Summary of Error Codes".

use super::OpenError;
use crate::names::NoRoute;

pub(super) const INVALID_PARAMETERS: u16 = 552;
pub(super) const NO_MEMORY: u16 = 553;
pub(super) const OPEN_PDP: u16 = 561;
pub(super) const ID_IN_USE: u16 = 563;
pub(super) const DNS_FAILED: u16 = 565;
pub(super) const CONNECT_FAILED: u16 = 566;
pub(super) const TIMEOUT: u16 = 569;
pub(super) const NOT_ALLOWED: u16 = 572;

pub(super) const fn of_open(error: &OpenError) -> u16 {
    match error {
        OpenError::Route(NoRoute::Name) => DNS_FAILED,
        OpenError::Route(NoRoute::Unreachable) | OpenError::Refused => CONNECT_FAILED,
        OpenError::Timeout => TIMEOUT,
        OpenError::Tls(_) => CONNECT_FAILED,
    }
}

pub(super) const fn words(error: u16) -> &'static str {
    match error {
        0 => "Operate successfully",
        INVALID_PARAMETERS => "Invalid parameters",
        NO_MEMORY => "Memory not enough",
        OPEN_PDP => "Open PDP context failed",
        ID_IN_USE => "Socket identity has been used",
        DNS_FAILED => "DNS parse failed",
        CONNECT_FAILED => "Socket connect failed",
        TIMEOUT => "Operation timeout",
        NOT_ALLOWED => "Operation not allowed",
        _ => "Unknown error",
    }
}
