//! What a modem's failure means to whoever sent a request through it.
#![cfg(feature = "modem")]

use coracle::core::{Error as _, ErrorKind};
use coracle::modem::Error;
use coracle::net::http::HttpError;

#[test]
fn a_request_fails_as_its_modem_does() {
    let errors = [
        Error::Uart(embedded_io::ErrorKind::InvalidData),
        Error::Timeout,
        Error::Flood,
        Error::Malformed,
        Error::Silent,
        Error::Restarted,
        Error::Refused,
        Error::RefusedWith(100),
        Error::NoSim,
        Error::PinWanted,
        Error::PinTriesLow { left: 1 },
        Error::PinWrong,
        Error::SimLocked,
        Error::NotRegistered,
        Error::RegistrationDenied,
        Error::NoDataConnection(3),
        Error::DataConnectionLost,
        Error::NoSocket,
        Error::Dns(565),
        Error::Connect(566),
        Error::TlsHandshake(566),
        Error::TlsNameUnchecked,
        Error::NoTls,
        Error::ConnectionLost,
        Error::SendFailed,
        Error::BadText,
        Error::Unsupported,
        Error::NoTime,
    ];
    for error in errors {
        assert_eq!(HttpError::Connect(error).kind(), error.kind(), "{error:?}");
    }
    assert_eq!(Error::Malformed.kind(), ErrorKind::Retry);
    assert_eq!(Error::TlsHandshake(566).kind(), ErrorKind::Remote);
}
