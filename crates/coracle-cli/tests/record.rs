//! Records and bundles through the command, offline.

mod support;
use support::records::{Device, flip};
use support::{Folder, answer, complaint_of, lines, run, stdout};

#[test]
fn an_intact_bundle_is_verified_with_both_algorithms() {
    for device in [Device::es256k(), Device::es256()] {
        let folder = Folder::new();
        let records = device.records(3);
        let file = folder.write("bundle", device.bundle(&records));
        let text = answer(&["record", "verify", &file, "--key", &device.key_hex()]);
        assert!(text.contains("record 2      intact\n"), "{text}");
        assert!(text.ends_with("result        intact\n"), "{text}");
        let key = folder.write("key", device.key_hex());
        let alg = device.alg();
        let named = ["--device", "meter-0001", "--alg", alg];
        let args = [&["record", "verify", &file, "--key", &key][..], &named].concat();
        answer(&args);
    }
}

#[test]
fn what_is_wrong_is_said_and_the_exit_code_is_1() {
    let (device, other) = (Device::es256k(), Device::es256k_other());
    let records = device.records(4);
    let pick = |numbers: &[usize]| {
        let picked: Vec<_> = numbers.iter().map(|n| records[*n].clone()).collect();
        device.bundle(&picked)
    };
    let mut changed = records.clone();
    changed[1] = flip(&changed[1]);
    let foreign = other.records(1);
    let cases = [
        (pick(&[0, 2, 3]), "gap: expected number 1, found 2"),
        (pick(&[0, 1, 1, 2]), "duplicate"),
        (pick(&[0, 2, 1, 3]), "out of order"),
        (pick(&[1, 2]), "gap: expected number 0, found 1"),
        (device.bundle(&changed), "entry 1"),
        (device.bundle(&foreign), "record names another key"),
        (device.bundle(&[vec![0]]), "malformed"),
        (device.bundle(&[]), "intact        0"),
    ];
    for (bundle, finding) in cases {
        let folder = Folder::new();
        let file = folder.write("bundle", bundle);
        let args = ["record", "verify", &file, "--key", &device.key_hex()];
        let output = run(&args);
        complaint_of(&args, &output);
        let text = stdout(&output);
        assert!(text.contains(finding), "{finding}: {text}");
    }
}

#[test]
fn another_key_algorithm_or_device_is_refused() {
    let (device, other) = (Device::es256k(), Device::es256());
    let folder = Folder::new();
    let bundle = folder.write("bundle", device.bundle(&device.records(2)));
    let record = folder.write("record", &device.records(1)[0]);
    let key = device.key_hex();
    for file in [&bundle, &record] {
        for args in [
            &["--key", other.key_hex().as_str()][..],
            &["--key", &key, "--alg", "es256"],
            &["--key", &key, "--device", "meter-0002"],
        ] {
            let args = [&["record", "verify", file][..], args].concat();
            complaint_of(&args, &run(&args));
        }
        answer(&["record", "verify", file, "--key", &key]);
    }
}

#[test]
fn a_bundle_may_start_after_a_trusted_record_or_anywhere() {
    let device = Device::es256k();
    let records = device.records(4);
    let folder = Folder::new();
    let file = folder.write("bundle", device.bundle(&records[2..]));
    let key = device.key_hex();
    let base = ["record", "verify", &file, "--key", &key];
    let previous = coracle_core::sha256(&records[1]).to_string();
    let from = ["--from", "2", "--previous", &previous];
    answer(&[&base[..], &from].concat());
    answer(&[&base[..], &["--from-anywhere"]].concat());
    let wrong = [
        "--from",
        "2",
        "--previous",
        &coracle_core::sha256(b"").to_string(),
    ];
    let args = [&base[..], &wrong].concat();
    complaint_of(&args, &run(&args));
}

#[test]
fn claims_are_shown_as_unverified() {
    let device = Device::es256k();
    let records = device.records(2);
    let folder = Folder::new();
    let bundle = folder.write(
        "bundle",
        device.bundle(&[records[0].clone(), vec![7], flip(&records[1])]),
    );
    let text = answer(&["record", "show", &bundle]);
    assert!(text.starts_with("UNVERIFIED"), "{text}");
    for part in [
        "device        0x6d657465722d30303031 (meter-0001)\n",
        "records       3\n",
        "reading       volume = 0.001 m3\n",
        "malformed     ",
        "sequence      1\n",
        "verified      false\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // As text too.
    let hex = coracle_core::hex::Hex(&records[0]).to_string();
    let file = folder.write("record.hex", format!("{hex}\n"));
    assert!(answer(&["record", "show", &file]).contains("sequence      0\n"));
}

#[test]
fn lines_of_records_and_bundles() {
    let device = Device::es256();
    let records = device.records(2);
    let hex = |bytes: &[u8]| coracle_core::hex::Hex(bytes).to_string();
    let line = |name: &str, bytes: &[u8]| {
        serde_json::json!({ name: hex(bytes), "key": device.key_hex() }).to_string()
    };
    let bundle = device.bundle(&[records[1].clone(), flip(&records[0])]);
    let input = [
        line("record", &records[1]),
        line("record", &flip(&records[1])),
        line("bundle", &device.bundle(&records)),
        line("bundle", &bundle),
    ];
    let answers = lines(&["record", "verify"], input.join("\n").as_bytes());
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[0]["sequence"], 1);
    assert_eq!(answers[0]["verified"], true);
    assert_eq!(
        answers[0]["previous"],
        coracle_core::sha256(&records[0]).to_string()
    );
    assert_eq!(answers[0]["readings"][0]["value"], "0.002");
    assert_eq!(answers[1]["error"], "bad-signature");
    assert_eq!(answers[2]["complete"], true);
    assert_eq!(answers[2]["findings"][1]["finding"], "intact");
    assert_eq!(answers[3]["complete"], false);
    assert_eq!(answers[3]["findings"][0]["finding"], "gap");
    assert_eq!(answers[3]["findings"][1]["finding"], "unsigned");
    let answers = lines(&["record", "show"], input.join("\n").as_bytes());
    assert_eq!(answers[0]["verified"], false);
    assert_eq!(answers[1]["sequence"], 1);
    assert_eq!(answers[3]["records"][0]["sequence"], 1);
}
