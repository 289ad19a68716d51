"""Writes the seed corpora from the test vectors: python3 fuzz/seeds.py

Every file is small; the fuzzer and the ordinary test start from them.
"""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent
GOLDEN = ROOT.parent / "crates" / "coracle-record" / "tests" / "golden.rs"
VECTORS = ROOT.parent / "tests" / "vectors" / "ethereum"
MAX_LEN = 2048
PER_TARGET = 40


def cases(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def unhex(text):
    return bytes.fromhex(text.removeprefix("0x"))


def write(target, seeds):
    folder = ROOT / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    small = [seed for seed in seeds if len(seed) <= MAX_LEN]
    step = max(1, len(small) // PER_TARGET)
    for number, seed in enumerate(small[::step][:PER_TARGET]):
        (folder / f"{number:02}").write_bytes(seed)


def http(body, head):
    return head.replace("LEN", str(len(body))).replace("\n", "\r\n").encode() + body


def modem(choice, *answers):
    """What a modem says to each command in turn, after a byte for its dialect."""
    lines = ["\r\n".join(["", *answer.split("|"), ""]) for answer in answers]
    return bytes([choice]) + b"\x1e".join([b"", *(line.encode() for line in lines)])


def modem_sessions():
    start = ["+CFUN: 1|OK", "OK", "OK", "OK", "OK", "OK"]
    sim = ["+CPIN: READY|OK", "+CFUN: 1|OK", "OK", "+CEREG: 0,1|OK"]
    quectel = [*start, *sim, "OK", "OK", "OK"]
    simcom = [*start, *sim, "+NETOPEN: 0|OK", "OK", "OK", "+NETOPEN: 0|OK", "OK|+NETOPEN: 0"]
    ublox = [*start, *sim, "SARA-R510S|OK", "OK", "+UPSND: 0,8,0|OK", "OK", "OK", "OK|+UUPSDA: 0,\"10.0.0.2\""]
    return [
        modem(0, *quectel, "OK|+QIOPEN: 0,0", "> |SEND OK|+QIURC: \"recv\",0", "+QIRD: 5|hello|OK", "OK"),
        modem(0, *quectel, "OK|+QIOPEN: 0,566"),
        modem(4, *quectel, "+QFLST: \"coracle\",27|OK", *["OK"] * 8, "OK|+QSSLOPEN: 0,0", "> |SEND OK"),
        modem(4, *quectel, "ERROR", "OK", "CONNECT|+QFUPL: 27,0|OK", *["OK"] * 7, "OK|+QSSLOPEN: 0,566"),
        modem(1, *simcom, "OK|+CIPOPEN: 0,0", ">|OK|+CIPSEND: 0,5,5|+CIPRXGET: 1,0", "+CIPRXGET: 2,0,5,0|hello|OK"),
        modem(5, *simcom, "+CCERTLIST: \"x\"|OK", ">|OK", *["OK"] * 6, "OK|+CCHSTART: 0", "OK", "OK|+CCHOPEN: 0,0",
              ">|OK|+CCHSEND: 0,0|+CCHEVENT: 0,RECV EVENT", "+CCHRECV: LEN,5,0|OK",
              "OK|+CCHRECV: DATA,0,5|hello|+CCHRECV: 0,0"),
        modem(2, *ublox, "+USOCR: 0|OK", "OK", "@|+USOWR: 0,5|OK|+UUSORD: 0,5", "+USORD: 0,5,\"hello\"|OK", "OK"),
        modem(0, "RDY|+CFUN: 1|+CPIN: SIM PIN", *start, "+CPIN: SIM PIN|OK", "+QPINC: \"SC\",3,10|OK", "OK"),
        modem(0, "+CME ERROR: 3", "+CFUN: 1|OK", *start, "+CPIN: READY|OK", "+CFUN: 4|OK", "OK", "OK", "+CEREG: 0,3|OK"),
    ]


def main():
    write("modem", modem_sessions())
    write("rlp", [unhex(case["rlp"]) for case in cases("rlp")])
    signed = [unhex(case["signed"]) for case in cases("transactions_generated")]
    raw = [unhex(case["txbytes"]) for case in cases("raw_transactions")]
    write("transaction", signed + raw)
    abi = [f"{case['type']}\n".encode() + unhex(case["data"]) for case in cases("return_data") if "type" in case]
    abi += [f"{case['type']}\n".encode() + unhex(case["data"]) for case in cases("abi")]
    abi += [unhex(case["data"]) for case in cases("return_data") if case.get("revert")]
    write("abi", abi)
    answers = [case["response"].encode() for case in cases("jsonrpc_transcripts") + cases("jsonrpc_hostile")]
    write("answer", answers)
    write("json", answers)
    body = b'{"jsonrpc":"2.0","id":1,"result":"0x10"}'
    chunked = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\n"
    write("http", [
        http(body, "HTTP/1.1 200 OK\nContent-Length: LEN\n\n"),
        http(body, "HTTP/1.1 200 OK\nconnection: close\n\n"),
        http(body, "HTTP/1.0 200 OK\nContent-Type: application/json\n\n"),
        http(chunked, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n"),
        http(body, "HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: LEN\n\n"),
        http(b"", "HTTP/1.1 429 Too Many Requests\nRetry-After: 1\nContent-Length: 0\n\n"),
        http(b"", "HTTP/1.1 301 Moved\nLocation: /x\nContent-Length: 0\n\n"),
        http(b"", "HTTP/1.1 204 No Content\n\n"),
        http(body, "HTTP/1.1 200 OK\nContent-Length: LEN\nContent-Length: LEN\n\n"),
        http(body, "HTTP/1.1 200 OK\nContent-Length: LEN\nTransfer-Encoding: chunked\n\n"),
    ])
    golden = dict(re.findall(r'const (\w+): &str = "0x([0-9a-f]+)"', GOLDEN.read_text()))
    golden = {name: bytes.fromhex(text) for name, text in golden.items()}
    entry = golden["ENTRY_HEAD"] + golden["ES256K"]
    bundle = golden["BUNDLE_HEADER"]
    write("record", [
        golden["ES256K"],
        golden["ES256"],
        bundle,
        bundle + entry,
        bundle + entry + entry,
        bundle + entry[:-1] + b"\0",
    ])


main()
