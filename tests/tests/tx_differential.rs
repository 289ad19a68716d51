//! `coracle_eth::tx` against `alloy-consensus`: random transactions signed here are
//! alloy's bytes, and alloy's bytes are read back as the same transaction.

use alloy_consensus::transaction::SignerRecoverable;
use alloy_consensus::{
    SignableTransaction, TxEip1559 as Alloy1559, TxEip2930 as Alloy2930, TxEnvelope,
    TxLegacy as AlloyLegacy,
};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_eips::eip2930::{AccessList as AlloyList, AccessListItem as AlloyItem};
use alloy_primitives::{Signature as AlloySignature, TxKind, U256 as AlloyUint};
use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_core::{Address, B256, Encode, U256, Wei};
use coracle_eth::tx::{
    AccessList, AccessListItem, CallData, SignedTx, Transaction, TxEip1559, TxEip2930, TxLegacy,
};
use coracle_testkit::{SeededRng, rounds};

/// The fields of any of the types, owned.
#[derive(Clone, Debug)]
struct Fields {
    kind: usize,
    chain_id: u64,
    nonce: u64,
    gas_price: u128,
    tip: u128,
    gas_limit: u64,
    to: Option<[u8; 20]>,
    value: [u8; 32],
    data: Vec<u8>,
    access_list: Vec<([u8; 20], Vec<[u8; 32]>)>,
}

/// A number of a random length in bits.
fn number(rng: &mut SeededRng) -> u64 {
    rng.next_word() >> rng.below(64)
}

fn array<const N: usize>(rng: &mut SeededRng) -> [u8; N] {
    rng.bytes(N).try_into().unwrap()
}

impl Fields {
    fn any(rng: &mut SeededRng) -> Self {
        // Fees of up to 120 bits, so that their product with the gas is a number.
        let price = (u128::from(number(rng)) << rng.below(57)).max(1);
        let tip = match rng.below(3) {
            0 => price,
            _ => price >> rng.below(100),
        };
        let mut value = [0; 32];
        let len = rng.below(33);
        value[32 - len..].copy_from_slice(&rng.bytes(len));
        let data_len = [0, 1, 32, 55, 56, 100, 300][rng.below(7)];
        let items = rng.below(4);
        Self {
            kind: rng.below(4),
            // EIP-155 doubles it and adds 36.
            chain_id: (number(rng) >> 2).max(1),
            nonce: number(rng).min(u64::MAX - 2),
            gas_price: price,
            tip,
            gas_limit: number(rng),
            to: (rng.below(5) > 0).then(|| array(rng)),
            value,
            data: rng.bytes(data_len),
            access_list: (0..items)
                .map(|_| {
                    let keys = rng.below(4);
                    (array(rng), (0..keys).map(|_| array(rng)).collect())
                })
                .collect(),
        }
    }

    fn keys(&self) -> Vec<Vec<B256>> {
        let keys = self.access_list.iter();
        keys.map(|(_, keys)| keys.iter().copied().map(B256).collect())
            .collect()
    }

    fn items<'a>(&self, keys: &'a [Vec<B256>]) -> Vec<AccessListItem<'a>> {
        let items = self.access_list.iter().zip(keys);
        items
            .map(|((address, _), keys)| AccessListItem {
                address: Address(*address),
                storage_keys: keys,
            })
            .collect()
    }

    fn ours<'a>(&'a self, items: &'a [AccessListItem<'a>]) -> Transaction<'a> {
        let wei = |amount: u128| Wei(U256::from_be_slice(&amount.to_be_bytes()).unwrap());
        let (chain_id, nonce) = (self.chain_id, self.nonce);
        let gas_limit = U256::from_u64(self.gas_limit);
        let to = self.to.map(Address);
        let value = Wei(U256::from_be_bytes(&self.value));
        let data = CallData::Bytes(&self.data);
        let access_list = AccessList::new(items);
        match self.kind {
            0 | 1 => Transaction::Legacy(TxLegacy {
                chain_id: (self.kind == 1).then_some(chain_id),
                nonce,
                gas_price: wei(self.gas_price),
                gas_limit,
                to,
                value,
                data,
            }),
            2 => Transaction::Eip2930(TxEip2930 {
                chain_id,
                nonce,
                gas_price: wei(self.gas_price),
                gas_limit,
                to,
                value,
                data,
                access_list,
            }),
            _ => Transaction::Eip1559(TxEip1559 {
                chain_id,
                nonce,
                max_priority_fee_per_gas: wei(self.tip),
                max_fee_per_gas: wei(self.gas_price),
                gas_limit,
                to,
                value,
                data,
                access_list,
            }),
        }
    }

    /// Alloy's transaction with this signature.
    fn theirs(&self, signature: AlloySignature) -> TxEnvelope {
        let Self {
            chain_id,
            nonce,
            gas_price,
            gas_limit,
            ..
        } = *self;
        let to = self.to.map_or(TxKind::Create, |to| TxKind::Call(to.into()));
        let value = AlloyUint::from_be_bytes(self.value);
        let input = self.data.clone().into();
        let items = self.access_list.iter();
        let access_list = AlloyList(
            items
                .map(|(address, keys)| AlloyItem {
                    address: address.into(),
                    storage_keys: keys.iter().map(Into::into).collect(),
                })
                .collect(),
        );
        match self.kind {
            0 | 1 => TxEnvelope::Legacy(
                AlloyLegacy {
                    chain_id: (self.kind == 1).then_some(chain_id),
                    nonce,
                    gas_price,
                    gas_limit,
                    to,
                    value,
                    input,
                }
                .into_signed(signature),
            ),
            2 => TxEnvelope::Eip2930(
                Alloy2930 {
                    chain_id,
                    nonce,
                    gas_price,
                    gas_limit,
                    to,
                    value,
                    access_list,
                    input,
                }
                .into_signed(signature),
            ),
            _ => TxEnvelope::Eip1559(
                Alloy1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: gas_price,
                    max_priority_fee_per_gas: self.tip,
                    to,
                    value,
                    access_list,
                    input,
                }
                .into_signed(signature),
            ),
        }
    }
}

fn to_vec(value: &dyn Encode) -> Vec<u8> {
    let mut out = vec![0; value.encoded_len()];
    value.encode_into(&mut out).unwrap();
    out
}

fn any_key(rng: &mut SeededRng) -> SecretKey<Secp256k1> {
    loop {
        if let Ok(key) = SecretKey::from_bytes(&array(rng)) {
            return key;
        }
    }
}

#[test]
fn random_transactions_are_the_same_bytes_hash_and_sender() {
    let mut rng = SeededRng::from_env(0x7_1559);
    let mut kinds = [0; 4];
    for round in 0..rounds(200, 20_000) {
        let fields = Fields::any(&mut rng);
        let key = any_key(&mut rng);
        let keys = fields.keys();
        let items = fields.items(&keys);
        let tx = fields.ours(&items);
        let signed = tx.into_signed(key.sign(&tx)).unwrap();
        let bytes = to_vec(&signed);
        let signature = signed.signature();
        let alloy = fields.theirs(AlloySignature::from_scalars_and_parity(
            signature.r().into(),
            signature.s().into(),
            signature.recovery_id().unwrap().is_y_odd(),
        ));
        let at = format!("round {round}: {fields:?}");
        assert_eq!(bytes, alloy.encoded_2718(), "bytes, {at}");
        assert_eq!(signed.hash().0, alloy.tx_hash().0, "hash, {at}");
        assert_eq!(
            tx.signing_hash().0,
            alloy.signature_hash().0,
            "signing hash, {at}"
        );
        let sender = Address::from_public_key(key.public_key());
        assert_eq!(
            alloy.recover_signer().unwrap().0.0,
            sender.0,
            "sender, {at}"
        );
        assert_eq!(signed.sender(), Ok(sender), "sender, {at}");
        check_read_back(&alloy.encoded_2718(), &signed, &at);
        kinds[fields.kind] += 1;
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
}

/// Reads alloy's bytes: each field and the signature are what was signed.
fn check_read_back(bytes: &[u8], signed: &SignedTx<'_>, at: &str) {
    let read = SignedTx::decode(bytes).unwrap_or_else(|error| panic!("{error}, {at}"));
    let (ours, found) = (signed.transaction(), read.transaction());
    assert_eq!(found.type_byte(), ours.type_byte(), "{at}");
    assert_eq!(found.chain_id(), ours.chain_id(), "{at}");
    assert_eq!(found.nonce(), ours.nonce(), "{at}");
    assert_eq!(found.to(), ours.to(), "{at}");
    assert_eq!(found.value(), ours.value(), "{at}");
    assert_eq!(found.gas_limit(), ours.gas_limit(), "{at}");
    assert_eq!(found.max_fee(), ours.max_fee(), "{at}");
    assert_eq!(to_vec(found.data()), to_vec(ours.data()), "{at}");
    assert_eq!(to_vec(&read), bytes, "{at}");
    assert_eq!(read.sender(), signed.sender(), "{at}");
}

#[test]
fn damaged_bytes_that_are_taken_mean_the_same_to_alloy() {
    let mut rng = SeededRng::from_env(0x7_155a);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..rounds(2_000, 200_000) {
        let fields = Fields::any(&mut rng);
        // Signing is slow and proves nothing here: any r and s in range do.
        let signature = AlloySignature::from_scalars_and_parity(
            [1; 32].into(),
            [2; 32].into(),
            rng.below(2) == 1,
        );
        let mut bytes = fields.theirs(signature).encoded_2718();
        let at = rng.below(bytes.len());
        bytes[at] ^= 1 << rng.below(8);
        if let Ok(read) = SignedTx::decode(&bytes) {
            let alloy = TxEnvelope::decode_2718_exact(&bytes);
            let alloy = alloy.unwrap_or_else(|error| panic!("round {round}: {error}"));
            assert_eq!(read.hash().0, alloy.tx_hash().0, "round {round}");
            assert_eq!(to_vec(&read), bytes, "round {round}: another form");
            taken += 1;
        } else {
            refused += 1;
        }
    }
    println!("{taken} taken, {refused} refused");
    assert!(taken > 0 && refused > 0);
}
