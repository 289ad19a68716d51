"""Judge records with libraries that have nothing of ours: cbor2 and cwt.

Reads one JSON object a line from standard input: a record, the fields that went into it
and the key that signed it. For each record:

- the payload, built again from the fields by cbor2's canonical encoder, is the same;
- the payload and the whole record, decoded and encoded again by cbor2, are the same;
- cwt verifies the signature and gives the payload;
- with a bit flipped, cwt refuses the record.

Then signs a payload of its own with cwt for each line and prints it as a line of
hexadecimal digits, for our reader to verify. Exits with 1 and a message at the first
difference.
"""

import hashlib
import json
import random
import sys

import cbor2
from cwt import COSE, COSEKey

ALGORITHMS = {"ES256K": (-47, 8), "ES256": (-7, 1)}
ORDERS = {
    "ES256K": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
}
BITS_OF_A_RECORD = 12


def main():
    checked = 0
    flipped = 0
    for line in sys.stdin:
        case = json.loads(line)
        record = bytes.fromhex(case["record"])
        key = public_key(case)
        check_form(case, record)
        check(verified(record, key) == payload_of(record), "cwt does not verify")
        flipped += check_flips(case, record, key)
        print(signed_here(case).hex())
        checked += 1
    check(checked > 0, "no records")
    print(f"{checked} records, {flipped} flipped bits", file=sys.stderr)


def check_form(case, record):
    """The record is what cbor2 makes of the fields."""
    payload = payload_of(record)
    check(payload == cbor2.dumps(fields(case), canonical=True), "payload of the fields")
    check(payload == canonical(payload), "canonical payload")
    check(record == canonical(record), "canonical record")
    protected, unprotected, _, signature = cbor2.loads(record).value
    algorithm, _ = ALGORITHMS[case["algorithm"]]
    header = {1: algorithm, 4: key_id(case)}
    check(protected == cbor2.dumps(header, canonical=True), "protected header")
    check(unprotected == {}, "unprotected header")
    s = int.from_bytes(signature[32:], "big")
    check(len(signature) == 64 and s <= ORDERS[case["algorithm"]] // 2, "low s")
    check(hashlib.sha256(record).hexdigest() == case["hash"], "hash")


def fields(case):
    readings = []
    for reading in case["readings"]:
        name, unit, mantissa, exponent, offset = reading
        readings.append([name, unit, mantissa, exponent] + ([offset] if offset else []))
    return {
        # Not in order, so that the order of the result is the encoder's.
        5: readings,
        4: case["time"],
        3: bytes.fromhex(case["previous"]),
        2: case["sequence"],
        1: bytes.fromhex(case["device"]),
        0: 1,
    }


def check_flips(case, record, key):
    """No bit of the record can be flipped; all are tried where the case says so."""
    bits = range(len(record) * 8)
    if not case["all_bits"]:
        bits = random.Random(case["hash"]).sample(bits, BITS_OF_A_RECORD)
    for bit in bits:
        broken = bytearray(record)
        broken[bit // 8] ^= 1 << (bit % 8)
        check(verified(bytes(broken), key) is None, f"bit {bit} flipped and accepted")
    return len(bits)


def verified(record, key):
    """The payload, or None where cwt refuses the record."""
    try:
        return COSE.new().decode(record, key)
    except Exception:  # cwt and cbor2 raise many kinds; each is a refusal.
        return None


def signed_here(case):
    """A record that cwt signs, with the next number; its s turned low as we ask."""
    again = dict(case, sequence=1, previous=case["hash"])
    payload = cbor2.dumps(fields(again), canonical=True)
    algorithm, _ = ALGORITHMS[case["algorithm"]]
    header = {1: algorithm, 4: key_id(case)}
    record = cbor2.loads(COSE.new().encode(payload, secret_key(case), header, {}))
    protected, unprotected, payload, signature = record.value
    order = ORDERS[case["algorithm"]]
    s = int.from_bytes(signature[32:], "big")
    low = min(s, order - s).to_bytes(32, "big")
    parts = [protected, unprotected, payload, signature[:32] + low]
    return cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True)


def payload_of(record):
    return cbor2.loads(record).value[2]


def canonical(item):
    return cbor2.dumps(cbor2.loads(item), canonical=True)


def key_id(case):
    point = bytes.fromhex(case["key"])
    compressed = bytes([2 | point[64] & 1]) + point[1:33]
    return hashlib.sha256(compressed).digest()[:8]


def public_key(case):
    return COSEKey.new(key_fields(case))


def secret_key(case):
    return COSEKey.new({**key_fields(case), -4: bytes.fromhex(case["secret"])})


def key_fields(case):
    algorithm, curve = ALGORITHMS[case["algorithm"]]
    point = bytes.fromhex(case["key"])
    return {1: 2, 2: key_id(case), 3: algorithm, -1: curve, -2: point[1:33], -3: point[33:]}


def check(is_so, what):
    if not is_so:
        sys.exit(f"check_records: {what}")


main()
