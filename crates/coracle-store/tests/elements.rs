//! Slots whose key lives in a secure element: what the slot makes of its signatures, and
//! what it makes of an element that is slow, busy, silent or wrong.

mod element_support;
mod slots_support;

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};

use coracle_core::ecdsa::{Curve, P256, PublicKey, Secp256k1, SecretKey, Signature};
use coracle_core::{B256, Error as _, ErrorKind, Signable, Signer};
use coracle_store::{
    ElementSlot, ElementSlotError, NoCounter, Policy, Refusal, SlotError, Store, TxPolicy,
};
use coracle_testkit::{FlashError, SeededRng, SimElement, Wrong, rounds};
use embassy_futures::block_on;
use embedded_hal_async::i2c::{ErrorKind as BusErrorKind, NoAcknowledgeSource};

use crate::element_support::{DriverError, SimElementDriver};
use crate::slots_support::{
    DAY_S, Flash, Message, Room, SCALAR, TODAY_S, What, device, has_part, import, key, limits,
    new_store, open, tx_policy,
};

type Failure = ElementSlotError<FlashError, DriverError>;
type Outcome<C> = Result<Signature<C>, Failure>;
type OpenSlot<'s, 'm, 'e, C> =
    ElementSlot<'s, 'm, Flash, NoCounter, C, SimElementDriver<&'e mut SimElement>>;

/// The slot of all tests.
const ID: u8 = 4;
const SILENT: Failure = ElementSlotError::Element(DriverError::Bus(BusErrorKind::NoAcknowledge(
    NoAcknowledgeSource::Address,
)));
const BUSY: Failure = ElementSlotError::Element(DriverError::Busy);
const LATE: Failure = ElementSlotError::Element(DriverError::Late);
const FAULTY: Failure = ElementSlotError::Slot(SlotError::Faulty);

/// The handle of the [`key`] on this curve, and of another one on it.
trait Held: Curve {
    const HANDLE: u8;
    const OTHER: u8;
}

impl Held for Secp256k1 {
    const HANDLE: u8 = 1;
    const OTHER: u8 = 2;
}

impl Held for P256 {
    const HANDLE: u8 = 3;
    const OTHER: u8 = 4;
}

fn other_key<C: Curve>() -> SecretKey<C> {
    SecretKey::from_bytes(&[0x77; 32]).expect("in range")
}

fn element(seed: u64) -> SimElement {
    let mut element = SimElement::new(seed);
    element.put_secp256k1(Secp256k1::HANDLE, &SCALAR);
    element.put_secp256k1(Secp256k1::OTHER, &[0x77; 32]);
    element.put_p256(P256::HANDLE, &SCALAR);
    element.put_p256(P256::OTHER, &[0x77; 32]);
    element
}

/// Makes a slot for what the element says is its key.
fn adopt<C: Held>(
    store: &Store<'_, Flash>,
    element: &mut SimElement,
    policy: &Policy,
) -> PublicKey<C> {
    let mut driver = SimElementDriver::new(element);
    let public = block_on(driver.public_key(C::HANDLE)).expect("it is there");
    let public = PublicKey::from_sec1(&public).expect("a point");
    block_on(store.adopt_slot(ID, policy, &public, C::HANDLE)).expect("free");
    public
}

fn open_element<'s, 'm, 'e, C: Curve>(
    store: &'s Store<'m, Flash>,
    element: &'e mut SimElement,
) -> Result<OpenSlot<'s, 'm, 'e, C>, SlotError<FlashError>> {
    block_on(store.open_element_slot(ID, SimElementDriver::new(element)))
}

fn sign<C: Curve>(
    store: &Store<'_, Flash>,
    element: &mut SimElement,
    message: &dyn Signable,
) -> Outcome<C> {
    block_on(open_element::<C>(store, element)?.sign(message))
}

fn record(n: usize) -> Message {
    Message {
        what: What::Record,
        body: n.to_le_bytes().to_vec(),
    }
}

/// Checks all that a chain asks of a signature.
fn assert_good<C: Curve>(public: &PublicKey<C>, message: &Message, signature: &Signature<C>) {
    assert!(signature.is_low_s());
    assert!(signature.recovery_id().is_some());
    let recovered = PublicKey::recover_prehash(&message.prehash(), signature);
    assert_eq!(recovered, Ok(*public));
    public.verify(message, signature).expect("its key");
}

/// A store with the slot and an element with its key, on each curve.
macro_rules! on_both_curves {
    ($($name:ident => $check:ident;)*) => {$(
        #[test]
        fn $name() {
            $check::<Secp256k1>();
            $check::<P256>();
        }
    )*};
}

on_both_curves! {
    signature_gets_a_low_s_and_its_recovery_id => low_s_and_recovery_id;
    slow_element_is_waited_for => slow_element;
    wrong_signature_is_thrown_away => wrong_signature;
    key_that_is_not_the_elements_gives_no_signature => wrong_public_key;
    element_that_was_dropped_at_any_poll_works_again => dropped_at_any_poll;
    element_that_is_silent_at_times_never_gives_a_bad_signature => silent_at_times;
}

fn low_s_and_recovery_id<C: Held>() {
    let seed = SeededRng::seed_from_env(11);
    let mut element = element(seed);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = adopt::<C>(&store, &mut element, &Policy::records());
    assert_eq!(public, *key::<C>().public_key());
    let count = rounds(100, 2000);
    for n in 0..count {
        let message = record(n);
        let signature = sign::<C>(&store, &mut element, &message).expect("allowed");
        assert_good(&public, &message, &signature);
        // The nonce of RFC 6979 is the same in the element and here.
        assert_eq!(signature, key::<C>().sign(&message));
    }
    assert_eq!(element.signatures(), count);
    assert!((count / 4..count * 3 / 4).contains(&element.high_signatures()));
}

fn slow_element<C: Held>() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = adopt::<C>(&store, &mut element, &Policy::records());
    for polls in [1, 2, 50, 99] {
        element.set_polls(polls);
        let message = record(polls);
        let signature = sign::<C>(&store, &mut element, &message).expect("in time");
        assert_good(&public, &message, &signature);
    }
    element.set_polls(100);
    let late = sign::<C>(&store, &mut element, &record(0));
    assert_eq!(late, Err(LATE));
    assert_eq!(LATE.kind(), ErrorKind::Retry);
}

/// What the element answers late must not pass for the answer to the next command.
#[test]
fn late_signature_is_not_given_for_the_next_message() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = adopt::<Secp256k1>(&store, &mut element, &Policy::records());
    element.set_polls(150);
    assert_eq!(
        sign::<Secp256k1>(&store, &mut element, &record(0)),
        Err(LATE)
    );
    element.set_polls(0);
    let message = record(1);
    let mut busy = 0;
    let signature = loop {
        match sign::<Secp256k1>(&store, &mut element, &message) {
            Err(BUSY) => busy += 1,
            other => break other.expect("it is done"),
        }
        assert!(busy < 100, "never done");
    };
    assert!(busy > 10);
    assert_good(&public, &message, &signature);
}

#[test]
fn busy_element_is_to_be_tried_again() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    adopt::<P256>(&store, &mut element, &Policy::records());
    element.set_polls(1000);
    assert_eq!(sign::<P256>(&store, &mut element, &record(0)), Err(LATE));
    for _ in 0..5 {
        assert_eq!(sign::<P256>(&store, &mut element, &record(1)), Err(BUSY));
    }
    assert_eq!(BUSY.kind(), ErrorKind::Retry);
    assert_eq!(element.signatures(), 1);
}

#[test]
fn silent_element_is_a_part_that_failed() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = adopt::<Secp256k1>(&store, &mut element, &Policy::records());
    element.set_silence(1);
    let message = record(0);
    assert_eq!(
        sign::<Secp256k1>(&store, &mut element, &message),
        Err(SILENT)
    );
    assert_eq!(SILENT.kind(), ErrorKind::Device);
    assert_eq!(element.signatures(), 0);
    element.set_silence(0);
    let signature = sign(&store, &mut element, &message).expect("it is back");
    assert_good(&public, &message, &signature);
}

fn silent_at_times<C: Held>() {
    let seed = SeededRng::seed_from_env(12);
    let mut element = element(seed);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = adopt::<C>(&store, &mut element, &Policy::records());
    element.set_polls(3);
    element.set_silence(8);
    let count = rounds(200, 5000);
    let (mut good, mut silent, mut busy) = (0, 0, 0);
    for n in 0..count {
        let message = record(n);
        match sign::<C>(&store, &mut element, &message) {
            Ok(signature) => {
                assert_good(&public, &message, &signature);
                good += 1;
            }
            Err(SILENT) => silent += 1,
            // The command before was given up and is still at work.
            Err(BUSY) => busy += 1,
            other => panic!("{other:?} for message {n}"),
        }
    }
    assert!(good > count / 8 && silent > count / 8 && busy > 0);
}

fn wrong_signature<C: Held>() {
    let seed = SeededRng::seed_from_env(13);
    let mut element = element(seed);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = adopt::<C>(&store, &mut element, &Policy::records());
    for wrong in Wrong::ALL {
        element.set_wrong(Some(wrong));
        for n in 0..rounds(32, 512) {
            let signed = sign::<C>(&store, &mut element, &record(n));
            assert_eq!(signed, Err(FAULTY), "{wrong:?}");
        }
        element.set_wrong(None);
        let signature = sign(&store, &mut element, &record(0)).expect("right again");
        assert_good(&public, &record(0), &signature);
    }
    assert_eq!(FAULTY.kind(), ErrorKind::Device);
}

/// Also where the policy says that signatures are not verified: the recovery id comes out
/// of the check.
#[test]
fn wrong_signature_is_thrown_away_even_where_the_policy_wants_no_check() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let policy = Policy {
        dangerous_unverified: true,
        ..Policy::records()
    };
    adopt::<P256>(&store, &mut element, &policy);
    element.set_wrong(Some(Wrong::OtherDigest));
    assert_eq!(sign::<P256>(&store, &mut element, &record(0)), Err(FAULTY));
}

fn wrong_public_key<C: Held>() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = *other_key::<C>().public_key();
    let policy = Policy::records();
    block_on(store.adopt_slot(ID, &policy, &public, C::HANDLE)).expect("free");
    for n in 0..8 {
        assert_eq!(sign::<C>(&store, &mut element, &record(n)), Err(FAULTY));
    }
    // It is the handle that was wrong.
    block_on(store.delete_slot(ID)).expect("it is there");
    block_on(store.adopt_slot(ID, &policy, &public, C::OTHER)).expect("free");
    let signature = sign(&store, &mut element, &record(0)).expect("its key");
    assert_good(&public, &record(0), &signature);
}

#[test]
fn handle_that_the_element_does_not_know_is_the_callers_mistake() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = *key::<P256>().public_key();
    block_on(store.adopt_slot(ID, &Policy::records(), &public, 9)).expect("free");
    let unknown = ElementSlotError::Element(DriverError::NoSuchKey);
    assert_eq!(unknown.kind(), ErrorKind::Caller);
    assert_eq!(sign::<P256>(&store, &mut element, &record(0)), Err(unknown));
}

/// The number of the key does not say on which curve it is.
#[test]
fn handle_of_a_key_on_the_other_curve_gives_no_signature() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = *key::<P256>().public_key();
    let policy = Policy::records();
    block_on(store.adopt_slot(ID, &policy, &public, Secp256k1::HANDLE)).expect("free");
    assert_eq!(sign::<P256>(&store, &mut element, &record(0)), Err(FAULTY));
}

/// Polls so often at the most; whether it came to an end.
fn poll_times<T>(future: impl Future<Output = T>, times: usize) -> bool {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).any(|_| future.as_mut().poll(&mut context).is_ready())
}

fn dropped_at_any_poll<C: Held>() {
    for polls in 0..12 {
        let mut element = element(7);
        let mut room = Room::new();
        let store = new_store(&mut room);
        let public = adopt::<C>(&store, &mut element, &Policy::records());
        element.set_polls(8);
        let mut slot = open_element::<C>(&store, &mut element).expect("it is there");
        let is_done = poll_times(slot.sign(&record(0)), polls);
        assert_eq!(is_done, polls > 10, "after {polls} polls");
        let message = record(1);
        let mut left = 20;
        let signature = loop {
            match block_on(slot.sign(&message)) {
                Err(BUSY) if left > 0 => left -= 1,
                other => break other.expect("it is free"),
            }
        };
        assert_good(&public, &message, &signature);
    }
}

fn refused<C: Curve>(refusal: Refusal) -> Outcome<C> {
    Err(ElementSlotError::Slot(SlotError::Refused(refusal)))
}

#[test]
fn refused_message_never_gets_to_the_element() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let policy = Policy::transactions(tx_policy());
    let public = adopt::<Secp256k1>(&store, &mut element, &policy);
    let another = Message::transaction(1, 1).to(&[9; 20]);
    let abroad = Message::transaction(1, 1).on(coracle_core::ChainRef::Id(1));
    let cases = [
        (Message::transaction(101, 1), Refusal::Value),
        (Message::transaction(1, 1001), Refusal::Fee),
        (another, Refusal::Target),
        (abroad, Refusal::Chain),
        (Message::new(What::Record), Refusal::Purpose),
        (Message::new(What::Session), Refusal::Purpose),
    ];
    for (message, refusal) in cases {
        let signed = sign::<Secp256k1>(&store, &mut element, &message);
        assert_eq!(signed, refused(refusal), "{message:?}");
    }
    let mut slot = open_element::<Secp256k1>(&store, &mut element).expect("it is there");
    let signed = block_on(slot.dangerous_sign_prehash(&B256([1; 32])));
    assert_eq!(signed, refused(Refusal::RawDigest));
    assert_eq!(element.signatures(), 0);
    let message = Message::transaction(100, 1000);
    let signature = sign(&store, &mut element, &message).expect("allowed");
    assert_good(&public, &message, &signature);
}

#[test]
fn raw_digest_is_signed_where_the_slot_was_made_for_that() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = adopt::<P256>(&store, &mut element, &Policy::dangerous_raw_digests());
    let digest = B256([0xee; 32]);
    let mut slot = open_element::<P256>(&store, &mut element).expect("it is there");
    assert_eq!(*slot.public_key(), public);
    let signature = block_on(slot.dangerous_sign_prehash(&digest)).expect("allowed");
    assert_eq!(PublicKey::recover_prehash(&digest, &signature), Ok(public));
    assert_eq!(
        block_on(slot.sign(&record(0))).map(drop),
        refused::<P256>(Refusal::Purpose).map(drop)
    );
}

/// What the element did not sign counts as well: too much, never too little.
#[test]
fn limit_of_the_day_holds_and_counts_before_the_element_is_asked() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let policy = Policy::transactions(TxPolicy {
        daily: Some(limits(250, 10_000)),
        ..tx_policy()
    });
    adopt::<Secp256k1>(&store, &mut element, &policy);
    let message = Message::transaction(100, 10);
    sign::<Secp256k1>(&store, &mut element, &message).expect("the first");
    element.set_silence(1);
    assert_eq!(
        sign::<Secp256k1>(&store, &mut element, &message),
        Err(SILENT)
    );
    element.set_silence(0);
    let third = sign::<Secp256k1>(&store, &mut element, &message);
    assert_eq!(third, refused(Refusal::DailyValue));
    assert_eq!(element.signatures(), 1);
    block_on(store.accept_time(TODAY_S + DAY_S)).expect("later");
    sign::<Secp256k1>(&store, &mut element, &message).expect("a new day");
}

#[test]
fn slots_open_in_their_own_home_and_on_their_own_curve_alone() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    adopt::<P256>(&store, &mut element, &Policy::records());
    let as_sealed = open::<P256, _>(&store, ID, device()).map(drop);
    assert_eq!(as_sealed, Err(SlotError::OtherHome));
    let other_curve = open_element::<Secp256k1>(&store, &mut element).map(drop);
    assert_eq!(other_curve, Err(SlotError::OtherCurve));
    block_on(store.delete_slot(ID)).expect("it is there");
    let gone = open_element::<P256>(&store, &mut element).map(drop);
    assert_eq!(gone, Err(SlotError::NoSuchSlot));
    import::<P256>(&store, ID, &Policy::records());
    let sealed = open_element::<P256>(&store, &mut element).map(drop);
    assert_eq!(sealed, Err(SlotError::OtherHome));
    assert_eq!(element.signatures(), 0);
}

#[test]
fn open_slot_signs_no_more_when_its_place_is_another_keys() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let policy = Policy::records();
    let public = adopt::<P256>(&store, &mut element, &policy);
    let mut slot = open_element::<P256>(&store, &mut element).expect("it is there");
    let gone = Err(ElementSlotError::Slot(SlotError::NoSuchSlot));
    block_on(store.delete_slot(ID)).expect("it is there");
    assert_eq!(block_on(slot.sign(&record(0))), gone);
    let other = *other_key::<P256>().public_key();
    block_on(store.adopt_slot(ID, &policy, &other, P256::OTHER)).expect("free");
    assert_eq!(block_on(slot.sign(&record(0))), gone);
    block_on(store.delete_slot(ID)).expect("it is there");
    // The same key, but in the store now.
    import::<P256>(&store, ID, &policy);
    let home = Err(ElementSlotError::Slot(SlotError::OtherHome));
    assert_eq!(block_on(slot.sign(&record(0))), home);
    block_on(store.delete_slot(ID)).expect("it is there");
    block_on(store.adopt_slot(ID, &policy, &public, P256::HANDLE)).expect("free");
    let signature = block_on(slot.sign(&record(0))).expect("its key is back");
    assert_good(&public, &record(0), &signature);
}

#[test]
fn adopted_slot_outlasts_a_start_and_puts_no_key_on_the_flash() {
    let mut element = element(1);
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = adopt::<Secp256k1>(&store, &mut element, &Policy::records());
    sign::<Secp256k1>(&store, &mut element, &record(0)).expect("allowed");
    let flash = store.into_flash();
    assert!(!has_part(flash.image(), &SCALAR));
    let mut room = Room::new();
    let store = slots_support::store(flash, &mut room);
    let signature = sign(&store, &mut element, &record(1)).expect("allowed");
    assert_good(&public, &record(1), &signature);
}

#[test]
fn occupied_slot_is_not_adopted() {
    let mut room = Room::new();
    let store = new_store(&mut room);
    let public = import::<P256>(&store, ID, &Policy::records());
    let other = *other_key::<P256>().public_key();
    let adopted = block_on(store.adopt_slot(ID, &Policy::records(), &other, P256::OTHER));
    assert_eq!(adopted, Err(SlotError::Occupied));
    let slot = open::<P256, _>(&store, ID, device()).expect("as it was");
    assert_eq!(*slot.public_key(), public);
}
