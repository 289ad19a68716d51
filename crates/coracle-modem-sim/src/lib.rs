#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    deny(clippy::expect_used, clippy::panic, clippy::unwrap_used)
)]

mod answer;
mod clock;
mod command;
mod config;
mod core;
mod dialect;
mod engine;
mod fault;
mod files;
mod host;
mod lookalikes;
mod names;
mod network;
mod output;
mod parse;
mod power;
mod profile;
mod record;
mod sim_card;
mod sockets;
mod standard;
mod start;
mod stream;
mod timers;
mod tls;
mod transcript;
mod wire;

pub use crate::{
    config::{
        Apn, Clock, Config, Dialect, Listen, Operator, PowerOn, Registration, RegistrationOutcome,
        Signal, SimCard,
    },
    fault::{Fault, FaultKind, Faults},
    lookalikes::lookalikes,
    names::{BadName, Name, Names},
    parse::BadText,
    power::{Estimate, PowerModel, RadioReport, Usage, estimate},
    sockets::ConnectionReport,
    start::{Address, Counters, Handle, ModemSim, Report, Watch},
};
