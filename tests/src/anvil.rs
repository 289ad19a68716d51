//! A real node: anvil, on a free port.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running anvil with chain id [`Anvil::CHAIN_ID`]; ends when dropped.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    url: String,
}

impl Anvil {
    /// The chain id of every node that the tests start.
    pub const CHAIN_ID: u64 = 31_337;

    /// Starts anvil and waits until it listens.
    ///
    /// Panics where `CORACLE_ANVIL` does not name the binary.
    #[expect(clippy::expect_used, reason = "a test without its node has failed")]
    pub fn start() -> Self {
        let path = std::env::var_os("CORACLE_ANVIL").map(PathBuf::from).expect(
            "CORACLE_ANVIL names the binary of anvil; `cargo xtask setup` installs it and \
             `cargo xtask test` sets the variable",
        );
        let chain_id = Self::CHAIN_ID.to_string();
        let mut child = Command::new(path)
            .args(["--host", "127.0.0.1", "--port", "0", "--chain-id"])
            .arg(chain_id)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("anvil starts");
        let out = child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("Listening on ")?.to_owned()));
        // Anvil blocks once nobody reads what it prints.
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!("http://{}", address.expect("anvil listens"));
        Self { child, url }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The result of one JSON-RPC call; panics where the node refuses.
    pub fn rpc(&self, method: &str, params: Value) -> Value {
        crate::rpc(&self.url, method, params)
    }

    /// Makes blocks.
    pub fn mine(&self, count: u64) {
        self.rpc("anvil_mine", serde_json::json!([format!("{count:#x}")]));
    }

    /// Switches between a block for each transaction and blocks on demand.
    pub fn set_automine(&self, is_on: bool) {
        self.rpc("evm_setAutomine", serde_json::json!([is_on]));
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // Nothing is left to do where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
