//! A board: a chip of flash that outlives resets, and a key.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use coracle_client::StoreOutbox;
use coracle_client::eth::{
    Config, Entry, Error, EthClient, Intent, Milestone, Outbox, Parts, Phase, Progress,
};
use coracle_core::ecdsa::{PublicKey, Secp256k1, SecretKey, Signature};
use coracle_core::{Address, B256, ErrorKind, Purpose, Signable, Signer, U256, Wei};
use coracle_eth::tx::CallData;
use coracle_net::host::block_on;
use coracle_store::{Intake, Memory, Store, WhenFull};
use coracle_testkit::{FlashError, SeededRng, SimFlash};
use coracle_tests::{Anvil, Host, Sleep, account, config, entry, key, stack};
use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use serde_json::{Value, json};

type Flash = SimFlash<4, 4096>;

/// Eight pages: roomy.
const PAGES: usize = 8;

/// The client of a board, its outbox on flash.
pub(crate) type Device<'s, 'm, S = Picky> =
    EthClient<'s, Host, S, StoreOutbox<'s, 'm, Chip>, Sleep>;

/// Its error.
pub(crate) type DeviceError<'s, 'm> = Error<Host, Picky, StoreOutbox<'s, 'm, Chip>>;

/// What a board is made of. Cloned as a flash is copied: see [`Board::copy`].
#[derive(Debug)]
pub(crate) struct Board {
    name: &'static str,
    nodes: Vec<String>,
    quorum: usize,
    flash: Rc<RefCell<Flash>>,
    signatures: Rc<Cell<usize>>,
}

impl Board {
    /// A new board with money on the node, its store formatted.
    pub(crate) fn new(anvil: &Anvil, name: &'static str) -> Self {
        fund(anvil, account(name));
        let board = Self {
            name,
            nodes: vec![anvil.url().to_owned()],
            quorum: 1,
            flash: Rc::new(RefCell::new(Flash::new(PAGES, 7))),
            signatures: Rc::default(),
        };
        board.with_store(|store| block_on(store.format(&mut SeededRng::new(3))).unwrap());
        board
    }

    /// Another board with the same key and what its flash holds now.
    pub(crate) fn copy(&self) -> Self {
        let mut flash = Flash::new(PAGES, 8);
        flash.load(self.flash.borrow().image());
        Self {
            name: self.name,
            nodes: self.nodes.clone(),
            quorum: self.quorum,
            flash: Rc::new(RefCell::new(flash)),
            signatures: Rc::default(),
        }
    }

    /// Knows these nodes from the next boot on.
    pub(crate) fn set_nodes(&mut self, nodes: &[&str], quorum: usize) {
        self.nodes = nodes.iter().map(|&url| url.to_owned()).collect();
        self.quorum = quorum;
    }

    /// The name of its key.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The chip.
    pub(crate) fn flash(&self) -> &RefCell<Flash> {
        &self.flash
    }

    /// What the chip holds.
    pub(crate) fn image(&self) -> Vec<u8> {
        self.flash.borrow().image().to_vec()
    }

    /// How often the key signed.
    pub(crate) fn signatures(&self) -> usize {
        self.signatures.get()
    }

    /// Starts the device, and drops it in the end: the next boot is after a reset.
    pub(crate) fn boot<T>(&self, run: impl FnOnce(&mut Device<'_, '_>) -> T) -> T {
        let signer = Picky {
            key: key(self.name),
            signatures: self.signatures.clone(),
        };
        self.with_store(|store| self.with_signer(store, signer, run))
    }

    /// A client on this store that signs with this signer.
    pub(crate) fn with_signer<'m, S: Signer<Curve = Secp256k1>, T>(
        &self,
        store: &Store<'m, Chip>,
        signer: S,
        run: impl FnOnce(&mut Device<'_, 'm, S>) -> T,
    ) -> T {
        let mut net_buf = [0; 1024];
        let mut intent_buf = [0; 512];
        let parts = Parts {
            stack: stack(),
            signer,
            outbox: StoreOutbox::new(store),
            delay: Sleep,
            net_buf: &mut net_buf,
            intent_buf: &mut intent_buf,
        };
        let mut client = EthClient::new(parts, self.config()).unwrap();
        run(&mut client)
    }

    fn config(&self) -> Config<'static> {
        let nodes: Vec<_> = self.nodes.iter().map(String::as_str).collect();
        config(&nodes, |config| config.quorum = self.quorum)
    }

    /// The store alone, without a client.
    pub(crate) fn with_store<T>(&self, run: impl FnOnce(&Store<'_, Chip>) -> T) -> T {
        let intake = Intake {
            max_entries: 8,
            when_full: WhenFull::Refuse,
            max_state: Entry::MAX_ENCODED_LEN,
        };
        let mut memory = Memory::<32, 1024>::new();
        run(&Store::new(Chip(self.flash.clone()), &mut memory, intake))
    }
}

/// Gives the account an ether.
pub(crate) fn fund(anvil: &Anvil, account: Address) {
    let params = json!([account.to_string(), "0xde0b6b3a7640000"]);
    anvil.rpc("anvil_setBalance", params);
}

/// The flash of a board, as a driver hands it out.
#[derive(Clone, Debug)]
pub(crate) struct Chip(Rc<RefCell<Flash>>);

impl ErrorType for Chip {
    type Error = FlashError;
}

// No operation of the simulated flash ever waits.
impl ReadNorFlash for Chip {
    const READ_SIZE: usize = Flash::READ_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        block_on(self.0.borrow_mut().read(offset, bytes))
    }

    fn capacity(&self) -> usize {
        self.0.borrow().capacity()
    }
}

impl NorFlash for Chip {
    const WRITE_SIZE: usize = Flash::WRITE_SIZE;
    const ERASE_SIZE: usize = Flash::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        block_on(self.0.borrow_mut().erase(from, to))
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        block_on(self.0.borrow_mut().write(offset, bytes))
    }
}

/// A signer with a policy: signs nothing that moves [`Picky::REFUSED`] wei.
#[derive(Debug)]
pub(crate) struct Picky {
    key: SecretKey<Secp256k1>,
    signatures: Rc<Cell<usize>>,
}

impl Picky {
    /// What it does not move.
    pub(crate) const REFUSED: u64 = 13;
}

/// The policy refuses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl core::error::Error for Refused {}

impl coracle_core::Error for Refused {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

impl Signer for Picky {
    type Curve = Secp256k1;
    type Error = Refused;

    fn public_key(&self) -> &PublicKey<Secp256k1> {
        self.key.public_key()
    }

    async fn sign(&mut self, message: &dyn Signable) -> Result<Signature<Secp256k1>, Refused> {
        let refused = U256::from_u64(Self::REFUSED);
        if matches!(message.purpose(), Purpose::Transaction(scope) if scope.value == refused) {
            return Err(Refused);
        }
        self.signatures.set(self.signatures.get() + 1);
        Ok(self.key.sign(message))
    }
}

/// Who gets what entry `sequence` moves, and nothing else.
pub(crate) fn recipient(sequence: u64) -> Address {
    let [.., low] = sequence.to_be_bytes();
    Address([0x50 + low; 20])
}

/// Moves so many wei to the entry's own recipient.
pub(crate) fn transfer_of(sequence: u64, wei: u64) -> Intent<'static> {
    Intent {
        to: Some(recipient(sequence)),
        value: Wei::from_u64(wei),
        data: CallData::EMPTY,
    }
}

/// Moves one wei to the entry's own recipient.
pub(crate) fn transfer(sequence: u64) -> Intent<'static> {
    transfer_of(sequence, 1)
}

/// Writes down that one wei is to be moved.
pub(crate) fn put(device: &mut Device<'_, '_>, sequence: u64) {
    block_on(device.put(entry(sequence), &transfer(sequence))).unwrap();
}

/// The same, to be of no use any more from `expires_s` on.
pub(crate) fn put_until(device: &mut Device<'_, '_>, sequence: u64, expires_s: u64) {
    let (id, intent) = (entry(sequence), transfer(sequence));
    let record = B256([9; 32]);
    block_on(device.put_record(id, record, Some(expires_s), &intent)).unwrap();
}

/// Writes it down and hands it to the node.
pub(crate) fn submit(device: &mut Device<'_, '_>, sequence: u64) -> B256 {
    put(device, sequence);
    block_on(device.submit(entry(sequence))).unwrap()
}

/// Writes it down, hands it to the node and waits for its block.
pub(crate) fn send(device: &mut Device<'_, '_>, sequence: u64) -> B256 {
    let intent = transfer(sequence);
    let sent = device.send(entry(sequence), &intent, Milestone::Included);
    match block_on(sent).unwrap() {
        Progress::Included(inclusion) => inclusion.hash,
        other => panic!("not included: {other:?}"),
    }
}

/// Hands several in.
pub(crate) fn submit_all(device: &mut Device<'_, '_>, sequences: Range<u64>) {
    for sequence in sequences {
        submit(device, sequence);
    }
}

/// Waits for the block of each.
pub(crate) fn send_all(device: &mut Device<'_, '_>, sequences: Range<u64>) {
    for sequence in sequences {
        send(device, sequence);
    }
}

/// What became of it, once a block holds one of its transactions.
pub(crate) fn settle(device: &mut Device<'_, '_>, sequence: u64) -> Progress {
    block_on(device.wait(entry(sequence), Milestone::Included)).unwrap()
}

/// What the outbox knows of it.
pub(crate) fn known(device: &mut Device<'_, '_>, sequence: u64) -> Entry {
    let known = block_on(device.outbox().entry(entry(sequence))).unwrap();
    known.expect("it was put")
}

/// How far it is.
pub(crate) fn phase(device: &mut Device<'_, '_>, sequence: u64) -> Phase {
    known(device, sequence).phase
}

/// How many wei the entry's recipient has.
pub(crate) fn moved(anvil: &Anvil, sequence: u64) -> u64 {
    let params = json!([recipient(sequence).to_string(), "latest"]);
    number(&anvil.rpc("eth_getBalance", params))
}

/// How many transactions of the board are mined.
pub(crate) fn mined(anvil: &Anvil, name: &str) -> u64 {
    let params = json!([account(name).to_string(), "latest"]);
    number(&anvil.rpc("eth_getTransactionCount", params))
}

/// Whether the node has the transaction, waiting or mined.
pub(crate) fn has(anvil: &Anvil, hash: B256) -> bool {
    let params = json!([hash.to_string()]);
    !anvil.rpc("eth_getTransactionByHash", params).is_null()
}

/// The node forgets a transaction that waits.
pub(crate) fn forget(anvil: &Anvil, hash: B256) {
    anvil.rpc("anvil_dropTransaction", json!([hash.to_string()]));
    assert!(!has(anvil, hash), "the node forgot it");
}

fn number(value: &Value) -> u64 {
    let digits = value.as_str().unwrap().trim_start_matches("0x");
    u64::from_str_radix(digits, 16).unwrap()
}
