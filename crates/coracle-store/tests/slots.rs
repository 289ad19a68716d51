//! Key slots: what they sign, what they refuse, and whom they do not open for.

mod slots_support;

use coracle_core::ecdsa::{Curve, P256, PublicKey, Secp256k1, SecretKey};
use coracle_core::health::HealthError;
use coracle_core::{Address, B256, ChainRef, Error as _, ErrorKind, Signer, U256, keccak256};
use coracle_store::{
    Allowed, DeviceSecret, KeyHome, Limits, Memory, Policy, Refusal, SecretError, SlotCurve,
    SlotError, SlotInfo, Store, StoreError, TxPolicy,
};
use coracle_testkit::SeededRng;
use embassy_futures::block_on;
use rand_core::{TryCryptoRng, TryRng};

use crate::slots_support::{
    CHAIN, DAY_S, DEVICE, Error, Flash, Message, Room, SCALAR, TARGET, TODAY_S, What, create,
    device, find, import, key, limits, new_store, open, other_device, store, tx_policy,
};

/// What a slot of this policy says to the message.
fn answer(policy: Policy, message: &Message) -> Result<(), Error> {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = import::<Secp256k1>(&store, 0, &policy);
    let signature = sign(&store, message)?;
    public.verify(message, &signature).expect("its key");
    Ok(())
}

fn sign(
    store: &Store<'_, Flash>,
    message: &Message,
) -> Result<coracle_core::ecdsa::Signature<Secp256k1>, Error> {
    block_on(open::<Secp256k1, _>(store, 0, device())?.sign(message))
}

fn refused(refusal: Refusal) -> Result<(), Error> {
    Err(SlotError::Refused(refusal))
}

fn raw_policy() -> Policy {
    Policy::dangerous_raw_digests()
}

/// Imports the key of all tests.
fn bring(
    store: &Store<'_, Flash>,
    id: u8,
    policy: &Policy,
    rng: &mut impl TryCryptoRng,
) -> Result<(), Error> {
    let key = key::<Secp256k1>();
    block_on(store.import_slot(id, policy, &key, &mut device(), rng))
}

fn signs_as_the_key_itself<C: Curve>() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = import::<C>(&store, 3, &Policy::records());
    let mut slot = open::<C, _>(&store, 3, device()).unwrap();
    assert_eq!(*slot.public_key(), public);
    for n in 0..8 {
        let message = Message {
            what: What::Record,
            body: vec![n; 40],
        };
        let signature = block_on(slot.sign(&message)).unwrap();
        assert_eq!(signature, key::<C>().sign(&message));
        assert!(signature.is_low_s());
        assert!(signature.recovery_id().is_some());
    }
}

#[test]
fn signature_is_the_one_of_the_key_itself() {
    signs_as_the_key_itself::<Secp256k1>();
    signs_as_the_key_itself::<P256>();
}

fn created_key_signs<C: Curve>() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = create::<C>(&store, 1, &Policy::sessions(), &mut SeededRng::new(5)).unwrap();
    let flash = store.into_flash();
    let mut room = Room::new();
    let store = slots_support::store(flash, &mut room);
    let mut slot = open::<C, _>(&store, 1, device()).unwrap();
    let signature = block_on(slot.sign(&Message::new(What::Session))).unwrap();
    let recovered = PublicKey::recover_prehash(&keccak256(b"a message"), &signature);
    assert_eq!(recovered, Ok(public));
}

#[test]
fn created_key_signs_after_a_start() {
    created_key_signs::<Secp256k1>();
    created_key_signs::<P256>();
}

#[test]
fn created_keys_differ() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let mut rng = SeededRng::new(5);
    let mut make = |id| create::<P256>(&store, id, &Policy::records(), &mut rng).unwrap();
    let keys = [0, 1, 2].map(|id| make(id).to_compressed());
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
}

#[test]
fn hedged_signatures_differ_and_verify() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let policy = Policy {
        is_hedged: true,
        ..Policy::records()
    };
    let public = import::<Secp256k1>(&store, 0, &policy);
    let mut slot = open::<Secp256k1, _>(&store, 0, device()).unwrap();
    let message = Message::new(What::Record);
    let first = block_on(slot.sign(&message)).unwrap();
    let second = block_on(slot.sign(&message)).unwrap();
    assert_ne!(first, second);
    assert_ne!(first, key().sign(&message));
    for signature in [first, second] {
        public.verify(&message, &signature).unwrap();
        assert!(signature.is_low_s());
    }
}

#[test]
fn unverified_signature_is_the_same() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let policy = Policy {
        dangerous_unverified: true,
        ..Policy::records()
    };
    import::<Secp256k1>(&store, 0, &policy);
    let message = Message::new(What::Record);
    assert_eq!(sign(&store, &message), Ok(key().sign(&message)));
}

#[test]
fn slots_are_listed_with_what_stands_on_the_flash() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let wide = Policy::transactions(tx_policy());
    let k1 = import::<Secp256k1>(&store, 7, &wide).to_compressed();
    let r1 = import::<P256>(&store, 2, &Policy::records()).to_compressed();
    let element = *SecretKey::<P256>::from_bytes(&[3; 32])
        .unwrap()
        .public_key();
    block_on(store.adopt_slot(255, &Policy::sessions(), &element, 9)).unwrap();
    let expected = [
        (2, SlotCurve::P256, KeyHome::Sealed, r1, Policy::records()),
        (7, SlotCurve::Secp256k1, KeyHome::Sealed, k1, wide),
        (
            255,
            SlotCurve::P256,
            KeyHome::Element(9),
            element.to_compressed(),
            Policy::sessions(),
        ),
    ];
    let mut after = None;
    for (id, curve, home, public_key, policy) in expected {
        after = block_on(store.next_slot(after)).unwrap();
        assert_eq!(after, Some(id));
        let info = SlotInfo {
            id,
            curve,
            home,
            public_key,
            policy,
        };
        assert_eq!(block_on(store.slot(id)), Ok(Some(info)));
    }
    assert_eq!(block_on(store.next_slot(after)), Ok(None));
    assert_eq!(block_on(store.slot(3)), Ok(None));
}

#[test]
fn allowed_transaction_is_signed() {
    let policy = Policy::transactions(tx_policy());
    assert_eq!(answer(policy, &Message::transaction(100, 1000)), Ok(()));
}

#[test]
fn refuses_another_chain() {
    let policy = Policy::transactions(tx_policy());
    for chain in [CHAIN + 1, CHAIN - 1, 0, CHAIN << 32] {
        let message = Message::transaction(1, 1).on(ChainRef::Id(chain));
        assert_eq!(answer(policy, &message), refused(Refusal::Chain));
    }
}

#[test]
fn refuses_what_is_valid_on_any_chain() {
    let policy = Policy::transactions(tx_policy());
    let message = Message::transaction(1, 1).on(ChainRef::Any);
    assert_eq!(answer(policy, &message), refused(Refusal::Chain));
}

#[test]
fn refuses_a_chain_with_a_name() {
    let policy = Policy::transactions(tx_policy());
    let message = Message::transaction(1, 1).on(ChainRef::Name("31337"));
    assert_eq!(answer(policy, &message), refused(Refusal::Chain));
}

#[test]
fn no_chain_listed_is_no_chain_allowed() {
    let policy = Policy::transactions(TxPolicy {
        chains: Allowed::only([]),
        ..tx_policy()
    });
    for chain in [ChainRef::Id(CHAIN), ChainRef::Id(0), ChainRef::Any] {
        let message = Message::transaction(1, 1).on(chain);
        assert_eq!(answer(policy, &message), refused(Refusal::Chain));
    }
}

#[test]
fn every_chain_is_every_chain() {
    let policy = Policy::transactions(TxPolicy {
        chains: Allowed::every(),
        ..tx_policy()
    });
    for chain in [ChainRef::Id(5), ChainRef::Any, ChainRef::Name("a")] {
        assert_eq!(
            answer(policy, &Message::transaction(1, 1).on(chain)),
            Ok(())
        );
    }
}

#[test]
fn refuses_another_contract() {
    let policy = Policy::transactions(tx_policy());
    let mut near = TARGET;
    near.0[19] ^= 1;
    let long = [&TARGET.as_bytes()[..], &[0]].concat();
    for target in [&near.as_bytes()[..], &TARGET.as_bytes()[..19], &long] {
        let message = Message::transaction(1, 1).to(target);
        assert_eq!(answer(policy, &message), refused(Refusal::Target));
    }
}

#[test]
fn refuses_to_create_a_contract() {
    let every = Policy::transactions(TxPolicy {
        targets: Allowed::every(),
        ..tx_policy()
    });
    let message = Message::transaction(1, 1).to(&[]);
    for policy in [Policy::transactions(tx_policy()), every] {
        assert_eq!(answer(policy, &message), refused(Refusal::Creation));
    }
    let creating = Policy::transactions(TxPolicy {
        creates_contracts: true,
        ..tx_policy()
    });
    assert_eq!(answer(creating, &message), Ok(()));
}

#[test]
fn cancels_to_its_own_account_without_value() {
    let public = key::<Secp256k1>().public_key().to_coordinates();
    let own = Address::from_word(keccak256(&public).as_bytes());
    let cancelling = Policy::transactions(TxPolicy {
        cancels: true,
        ..tx_policy()
    });
    let message = Message::transaction(0, 1).to(own.as_bytes());
    assert_eq!(answer(cancelling, &message), Ok(()));
    let plain = Policy::transactions(tx_policy());
    assert_eq!(answer(plain, &message), refused(Refusal::Target));
    let moving = Message::transaction(1, 1).to(own.as_bytes());
    assert_eq!(answer(cancelling, &moving), refused(Refusal::Target));
    let other = Message::transaction(0, 1).to(&[0x11; 20]);
    assert_eq!(answer(cancelling, &other), refused(Refusal::Target));
    let dear = Message::transaction(0, 1001).to(own.as_bytes());
    assert_eq!(answer(cancelling, &dear), refused(Refusal::Fee));
}

#[test]
fn refuses_value_over_the_limit() {
    let policy = Policy::transactions(tx_policy());
    let message = Message::transaction(101, 1);
    assert_eq!(answer(policy, &message), refused(Refusal::Value));
}

#[test]
fn refuses_fee_over_the_limit() {
    let policy = Policy::transactions(tx_policy());
    let message = Message::transaction(1, 1001);
    assert_eq!(answer(policy, &message), refused(Refusal::Fee));
}

#[test]
fn limits_hold_in_every_byte() {
    let policy = Policy::transactions(tx_policy());
    for byte in 1..32 {
        let mut number = [0; 32];
        number[31 - byte] = 1;
        let huge = U256::from_be_bytes(&number);
        for is_fee in [false, true] {
            let mut message = Message::transaction(1, 1);
            if let What::Transaction { value, max_fee, .. } = &mut message.what {
                *if is_fee { max_fee } else { value } = huge;
            }
            let refusal = if is_fee { Refusal::Fee } else { Refusal::Value };
            // 256 is within the limit of 1,000.
            let fits = is_fee && byte == 1;
            let expected = if fits { Ok(()) } else { refused(refusal) };
            assert_eq!(answer(policy, &message), expected, "byte {byte}");
        }
    }
}

#[test]
fn refuses_every_other_purpose() {
    let transaction = Message::transaction(1, 1);
    let [record, session] = [What::Record, What::Session].map(Message::new);
    let table = [
        (Policy::transactions(tx_policy()), [&record, &session]),
        (Policy::records(), [&transaction, &session]),
        (Policy::sessions(), [&transaction, &record]),
        (raw_policy(), [&transaction, &record]),
        (raw_policy(), [&transaction, &session]),
    ];
    for (policy, messages) in table {
        for message in messages {
            assert_eq!(answer(policy, message), refused(Refusal::Purpose));
        }
    }
}

fn raw(policy: &Policy) -> Result<(), Error> {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = import::<Secp256k1>(&store, 0, policy);
    let mut slot = open::<Secp256k1, _>(&store, 0, device())?;
    let digest = B256([0x5a; 32]);
    let signature = block_on(slot.dangerous_sign_prehash(&digest))?;
    public.verify_prehash(&digest, &signature).expect("its key");
    Ok(())
}

#[test]
fn refuses_raw_digests_unless_made_for_them() {
    assert_eq!(raw(&raw_policy()), Ok(()));
    let every = Policy::transactions(TxPolicy {
        chains: Allowed::every(),
        targets: Allowed::every(),
        creates_contracts: true,
        cancels: true,
        each: limits(u64::MAX, u64::MAX),
        daily: None,
    });
    for policy in [Policy::records(), Policy::sessions(), every] {
        assert_eq!(raw(&policy), refused(Refusal::RawDigest));
    }
}

fn daily(value: u64, fee: u64) -> Policy {
    Policy::transactions(TxPolicy {
        daily: Some(limits(value, fee)),
        ..tx_policy()
    })
}

fn spend(store: &Store<'_, Flash>, value: u64, fee: u64) -> Result<(), Error> {
    sign(store, &Message::transaction(value, fee)).map(drop)
}

#[test]
fn refuses_value_over_the_limit_of_the_day() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    import::<Secp256k1>(&store, 0, &daily(150, 100_000));
    assert_eq!(spend(&store, 100, 1), Ok(()));
    assert_eq!(spend(&store, 51, 1), refused(Refusal::DailyValue));
    assert_eq!(spend(&store, 50, 1), Ok(()));
    assert_eq!(spend(&store, 1, 1), refused(Refusal::DailyValue));
    assert_eq!(spend(&store, 0, 1), Ok(()));
}

#[test]
fn refuses_fee_over_the_limit_of_the_day() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    import::<Secp256k1>(&store, 0, &daily(100_000, 1500));
    assert_eq!(spend(&store, 1, 1000), Ok(()));
    assert_eq!(spend(&store, 1, 501), refused(Refusal::DailyFee));
    assert_eq!(spend(&store, 1, 500), Ok(()));
    assert_eq!(spend(&store, 1, 1), refused(Refusal::DailyFee));
}

#[test]
fn what_no_day_allows_is_not_to_be_tried_again() {
    let over_value = answer(daily(50, 1000), &Message::transaction(51, 1));
    assert_eq!(over_value, refused(Refusal::Value));
    let over_fee = answer(daily(50, 100), &Message::transaction(1, 101));
    assert_eq!(over_fee, refused(Refusal::Fee));
    assert_eq!(over_fee.unwrap_err().kind(), ErrorKind::Caller);
    let of_the_day = SlotError::<coracle_testkit::FlashError>::Refused(Refusal::DailyFee);
    assert_eq!(of_the_day.kind(), ErrorKind::Retry);
}

#[test]
fn what_was_refused_is_not_spent() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    import::<Secp256k1>(&store, 0, &daily(100, 1000));
    for _ in 0..3 {
        let other = Message::transaction(60, 1).on(ChainRef::Any);
        assert_eq!(sign(&store, &other).map(drop), refused(Refusal::Chain));
    }
    assert_eq!(spend(&store, 60, 1), Ok(()));
    assert_eq!(spend(&store, 60, 1), refused(Refusal::DailyValue));
    assert_eq!(spend(&store, 40, 1), Ok(()));
}

#[test]
fn limit_of_the_day_outlasts_a_start() {
    let mut flash = {
        let mut room = Room::new();
        let store = new_store(&mut room);
        import::<Secp256k1>(&store, 0, &daily(100, 1000));
        store.into_flash()
    };
    for round in 0..4 {
        let mut room = Room::new();
        let store = store(flash, &mut room);
        let expected = match round {
            0..3 => Ok(()),
            _ => refused(Refusal::DailyValue),
        };
        assert_eq!(spend(&store, 30, 1), expected, "start {round}");
        flash = store.into_flash();
    }
}

#[test]
fn limit_of_the_day_begins_anew_at_midnight() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    import::<Secp256k1>(&store, 0, &daily(100, 1000));
    let midnight = (TODAY_S / DAY_S + 1) * DAY_S;
    for day in 0..3 {
        assert_eq!(spend(&store, 100, 1), Ok(()), "day {day}");
        let last = midnight + day * DAY_S - 1;
        block_on(store.accept_time(last)).unwrap();
        assert_eq!(spend(&store, 1, 1), refused(Refusal::DailyValue));
        block_on(store.accept_time(last + 601)).unwrap();
    }
}

#[test]
fn limit_of_a_day_is_one_of_each_slot() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    import::<Secp256k1>(&store, 0, &daily(100, 1000));
    import::<Secp256k1>(&store, 1, &daily(100, 1000));
    let mut other = open::<Secp256k1, _>(&store, 1, device()).unwrap();
    let message = Message::transaction(100, 1);
    block_on(other.sign(&message)).unwrap();
    assert_eq!(spend(&store, 100, 1), Ok(()));
    let again = block_on(other.sign(&message)).map(drop);
    assert_eq!(again, refused(Refusal::DailyValue));
}

#[test]
fn limit_of_the_day_does_not_wrap() {
    let most = Limits {
        value: U256::MAX,
        fee: U256::MAX,
    };
    let policy = Policy::transactions(TxPolicy {
        each: most,
        daily: Some(most),
        ..tx_policy()
    });
    let mut room = Room::new();
    let store = new_store(&mut room);
    import::<Secp256k1>(&store, 0, &policy);
    let mut message = Message::transaction(0, 1);
    if let What::Transaction { value, .. } = &mut message.what {
        *value = U256::MAX;
    }
    sign(&store, &message).unwrap();
    let again = sign(&store, &message).map(drop);
    assert_eq!(again, refused(Refusal::DailyValue));
}

#[test]
fn limit_of_a_day_without_a_time_refuses() {
    let mut room = Room::new();
    let store = store(Flash::new(5, 1), &mut room);
    block_on(store.format(&mut SeededRng::new(1))).unwrap();
    import::<Secp256k1>(&store, 0, &daily(100, 1000));
    assert_eq!(spend(&store, 1, 1), refused(Refusal::NoTime));
    block_on(store.accept_time(TODAY_S)).unwrap();
    assert_eq!(spend(&store, 1, 1), Ok(()));
}

#[test]
fn new_key_in_a_slot_has_spent_nothing() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    for _ in 0..2 {
        import::<Secp256k1>(&store, 0, &daily(100, 1000));
        assert_eq!(spend(&store, 100, 1), Ok(()));
        assert_eq!(spend(&store, 1, 1), refused(Refusal::DailyValue));
        block_on(store.delete_slot(0)).unwrap();
    }
}

#[test]
fn occupied_slot_is_refused_and_stays() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    import::<Secp256k1>(&store, 0, &Policy::records());
    let before = block_on(store.slot(0)).unwrap();
    let mut rng = SeededRng::new(5);
    let (policy, other) = (
        raw_policy(),
        SecretKey::<P256>::from_bytes(&[3; 32]).unwrap(),
    );
    let made = create::<P256>(&store, 0, &policy, &mut rng);
    assert_eq!(made, Err(SlotError::Occupied));
    let brought = bring(&store, 0, &policy, &mut rng);
    assert_eq!(brought, Err(SlotError::Occupied));
    let adopted = store.adopt_slot(0, &policy, other.public_key(), 0);
    assert_eq!(block_on(adopted), Err(SlotError::Occupied));
    assert_eq!(block_on(store.slot(0)).unwrap(), before);
}

fn opens<C: Curve>(
    store: &Store<'_, Flash>,
    id: u8,
    secret: impl DeviceSecret,
) -> Result<(), Error> {
    open::<C, _>(store, id, secret).map(drop)
}

#[test]
fn free_slot_and_slot_of_another_curve_do_not_open() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    import::<Secp256k1>(&store, 0, &Policy::records());
    let missing = opens::<Secp256k1>(&store, 1, device());
    assert_eq!(missing, Err(SlotError::NoSuchSlot));
    let curve = opens::<P256>(&store, 0, device());
    assert_eq!(curve, Err(SlotError::OtherCurve));
    assert_eq!(opens::<Secp256k1>(&store, 0, device()), Ok(()));
}

#[test]
fn slot_of_an_element_does_not_open_as_a_sealed_one() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let key = key::<Secp256k1>();
    block_on(store.adopt_slot(0, &Policy::records(), key.public_key(), 0)).unwrap();
    let opened = opens::<Secp256k1>(&store, 0, device());
    assert_eq!(opened, Err(SlotError::OtherHome));
}

#[test]
fn another_devices_flash_does_not_open() {
    let mut room = Room::new();
    let mine = new_store(&mut room);
    import::<Secp256k1>(&mine, 0, &Policy::records());
    let image = mine.into_flash().image().to_vec();
    let mut flash = Flash::new(5, 2);
    flash.load(&image);
    let mut room = Room::new();
    let stolen = store(flash, &mut room);
    let opened = opens::<Secp256k1>(&stolen, 0, other_device());
    assert_eq!(opened, Err(SlotError::Sealed));
    // The same secret but for one bit.
    for bit in 0..8 {
        let mut near = DEVICE;
        near[31] ^= 1 << bit;
        let near = coracle_store::InsecureReadableSecret::new(&near);
        let opened = opens::<Secp256k1>(&stolen, 0, near);
        assert_eq!(opened, Err(SlotError::Sealed));
    }
    assert_eq!(opens::<Secp256k1>(&stolen, 0, device()), Ok(()));
}

/// A part that works so many times.
struct Failing(usize);

impl DeviceSecret for Failing {
    fn derive(&mut self, context: &[u8], key: &mut [u8; 32]) -> Result<(), SecretError> {
        self.0 = self.0.checked_sub(1).ok_or(SecretError)?;
        device().derive(context, key)
    }
}

#[test]
fn device_secret_that_fails_is_an_error_each_time() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let (policy, mut rng) = (Policy::records(), SeededRng::new(5));
    let mut secret = Failing(0);
    let made = store.create_slot::<Secp256k1>(0, &policy, &mut secret, &mut rng);
    assert_eq!(block_on(made), Err(SlotError::Secret(SecretError)));
    assert_eq!(block_on(store.slot(0)), Ok(None));
    import::<Secp256k1>(&store, 0, &policy);
    let opened = opens::<Secp256k1>(&store, 0, Failing(0));
    assert_eq!(opened, Err(SlotError::Secret(SecretError)));
    let mut slot = open::<Secp256k1, _>(&store, 0, Failing(1)).unwrap();
    let signed = block_on(slot.sign(&Message::new(What::Record)));
    assert_eq!(signed, Err(SlotError::Secret(SecretError)));
}

/// The byte at this place; `None` where the source fails.
type End = fn(usize) -> Option<u8>;

/// A source that is good for so many bytes, and then does what it says.
struct Breaking {
    good: usize,
    then: End,
    rng: SeededRng,
}

impl Breaking {
    const ENDS: [(End, HealthError); 3] = [
        (|_| None, HealthError::SourceFailed),
        (|_| Some(0), HealthError::Repetition),
        (
            |at| Some(if at % 8 == 3 { at.to_le_bytes()[0] } else { 7 }),
            HealthError::Proportion,
        ),
    ];

    fn after(good: usize, then: End) -> Self {
        Self {
            good,
            then,
            rng: SeededRng::new(5),
        }
    }
}

impl TryRng for Breaking {
    type Error = core::fmt::Error;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for (at, byte) in out.iter_mut().enumerate() {
            *byte = match self.good.checked_sub(1) {
                Some(left) => {
                    self.good = left;
                    self.rng.bytes(1)[0]
                }
                None => (self.then)(at).ok_or(core::fmt::Error)?,
            };
        }
        Ok(())
    }
}

impl TryCryptoRng for Breaking {}

#[test]
fn broken_source_makes_no_key_and_imports_none() {
    for (then, error) in Breaking::ENDS {
        let mut room = Room::new();
        let store = new_store(&mut room);
        let policy = Policy::records();
        let mut rng = Breaking::after(0, then);
        let made = create::<Secp256k1>(&store, 0, &policy, &mut rng);
        assert_eq!(made, Err(SlotError::Random(error)));
        let mut rng = Breaking::after(0, then);
        let brought = bring(&store, 0, &policy, &mut rng);
        assert_eq!(brought, Err(SlotError::Random(error)));
        assert_eq!(block_on(store.slot(0)), Ok(None));
    }
}

#[test]
fn source_that_gets_stuck_after_the_start_up_test_is_noticed() {
    // Before the scalar, and before the nonce of the seal.
    for good in [1024, 1024 + 32] {
        let mut room = Room::new();
        let store = new_store(&mut room);
        let mut rng = Breaking::after(good, |_| Some(0x5a));
        let policy = Policy::records();
        let made = create::<Secp256k1>(&store, 0, &policy, &mut rng);
        let stuck = Err(SlotError::Random(HealthError::Repetition));
        assert_eq!(made, stuck, "after {good}");
        assert_eq!(block_on(store.slot(0)), Ok(None));
    }
}

#[test]
fn hedged_slot_does_not_sign_with_a_broken_source() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let policy = Policy {
        is_hedged: true,
        ..Policy::records()
    };
    import::<Secp256k1>(&store, 0, &policy);
    for (then, error) in &Breaking::ENDS[..2] {
        let rng = Breaking::after(0, *then);
        let slot = block_on(store.open_slot::<Secp256k1, _, _>(0, device(), rng));
        let signed = block_on(slot.unwrap().sign(&Message::new(What::Record)));
        assert_eq!(signed, Err(SlotError::Random(*error)));
    }
}

#[test]
fn deleted_slot_is_gone_and_signs_no_more() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    import::<Secp256k1>(&store, 0, &Policy::records());
    import::<Secp256k1>(&store, 1, &Policy::records());
    let mut slot = open::<Secp256k1, _>(&store, 0, device()).unwrap();
    block_on(store.delete_slot(0)).unwrap();
    let message = Message::new(What::Record);
    assert_eq!(block_on(slot.sign(&message)), Err(SlotError::NoSuchSlot));
    assert_eq!(block_on(store.slot(0)), Ok(None));
    assert_eq!(block_on(store.next_slot(None)), Ok(Some(1)));
    // Deleting it again changes nothing.
    assert_eq!(block_on(store.delete_slot(0)), Ok(()));
    assert_eq!(opens::<Secp256k1>(&store, 1, device()), Ok(()));
}

#[test]
fn open_slot_does_not_sign_with_the_key_that_came_after() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    import::<Secp256k1>(&store, 0, &Policy::records());
    let mut slot = open::<Secp256k1, _>(&store, 0, device()).unwrap();
    block_on(store.delete_slot(0)).unwrap();
    let mut rng = SeededRng::new(5);
    create::<Secp256k1>(&store, 0, &Policy::records(), &mut rng).unwrap();
    let signed = block_on(slot.sign(&Message::new(What::Record)));
    assert_eq!(signed, Err(SlotError::NoSuchSlot));
}

#[test]
fn no_key_stands_on_the_flash() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let policy = Policy {
        is_hedged: true,
        ..Policy::records()
    };
    import::<Secp256k1>(&store, 0, &policy);
    import::<P256>(&store, 1, &policy);
    // The key that the same source gives once more.
    let made = SecretKey::<P256>::generate(&mut SeededRng::new(5)).unwrap();
    let public = create::<P256>(&store, 2, &policy, &mut SeededRng::new(5));
    assert_eq!(public, Ok(*made.public_key()));
    sign(&store, &Message::new(What::Record)).unwrap();
    let flash = store.into_flash();
    for secret in [SCALAR, *made.dangerous_to_bytes(), DEVICE] {
        assert_eq!(find(flash.image(), &secret), None);
    }
    // The scan finds what is there.
    let mut image = flash.image().to_vec();
    let public = made.public_key().to_compressed();
    assert!(find(&image, &public).is_some());
    let reversed: Vec<u8> = SCALAR.iter().rev().copied().collect();
    image[100..132].copy_from_slice(&reversed);
    assert_eq!(find(&image, &SCALAR), Some(100));
}

#[test]
fn slot_without_room_leaves_nothing_behind() {
    let mut room = Memory::<4, { SlotInfo::MAX_LEN }>::new();
    let intake = coracle_store::Intake {
        max_entries: 0,
        when_full: coracle_store::WhenFull::Refuse,
        max_state: 0,
    };
    let store = Store::new(Flash::new(5, 1), &mut room, intake);
    block_on(store.format(&mut SeededRng::new(1))).unwrap();
    import::<Secp256k1>(&store, 0, &Policy::records());
    import::<Secp256k1>(&store, 1, &Policy::records());
    import::<Secp256k1>(&store, 2, &Policy::records());
    // It needs two places and there is one.
    let brought = bring(&store, 3, &daily(1, 1), &mut SeededRng::new(5));
    assert_eq!(brought, Err(SlotError::Store(StoreError::Full)));
    assert_eq!(block_on(store.slot(3)), Ok(None));
    import::<Secp256k1>(&store, 3, &Policy::records());
}

#[test]
fn slot_longer_than_the_memory_is_refused() {
    let mut room = Memory::<8, 128>::new();
    let intake = coracle_store::Intake {
        max_entries: 0,
        when_full: coracle_store::WhenFull::Refuse,
        max_state: 0,
    };
    let store = Store::new(Flash::new(5, 1), &mut room, intake);
    block_on(store.format(&mut SeededRng::new(1))).unwrap();
    import::<Secp256k1>(&store, 0, &Policy::records());
    let brought = bring(&store, 1, &daily(1, 1), &mut SeededRng::new(5));
    let long = SlotError::Store(StoreError::TooLong { max: 112 });
    assert_eq!(brought, Err(long));
    assert_eq!(block_on(store.slot(1)), Ok(None));
}
