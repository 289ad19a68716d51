//! Keystore files through the command.

use std::fs;

mod support;
use support::{Folder, answer, complaint, complaint_of, run_with, stderr, stdout};

const PASSPHRASE: &str = "correct horse battery staple";

/// The key of the EIP-155 example.
const KEY: &str = "4646464646464646464646464646464646464646464646464646464646464646";
const ADDRESS: &str = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F";

#[test]
fn a_new_key_stays_in_a_file_of_its_owner() {
    let folder = Folder::new();
    let pass = folder.write("pass", format!("{PASSPHRASE}\nsecond line\n"));
    let file = folder.text("key.json");
    let address = answer(&["key", "new", &file, "--passphrase-file", &pass]);
    let text = fs::read_to_string(&file).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["version"], 3);
    assert_eq!(json["crypto"]["kdf"], "scrypt");
    let named = json["address"].as_str().unwrap();
    assert_eq!(format!("0x{named}"), address.trim().to_lowercase());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    let again = answer(&["key", "address", &file, "--passphrase-file", &pass]);
    assert_eq!(again, address);

    // Nothing else is left in the folder, and nothing is ever replaced.
    let line = complaint(&["key", "new", &file, "--passphrase-file", &pass]);
    assert!(line.contains("exists"), "{line}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let mut names: Vec<_> = fs::read_dir(folder.0.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["key.json", "pass"]);
}

#[test]
fn an_imported_key_signs_and_a_wrong_passphrase_does_not() {
    let folder = Folder::new();
    let pass = folder.write("pass", format!("{PASSPHRASE}\r\n"));
    let wrong = folder.write("wrong", "correct horse");
    let file = folder.text("key.json");
    let args = ["key", "import", &file, "--passphrase-file", &pass];
    let output = run_with(&args, KEY.as_bytes());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output), format!("{ADDRESS}\n"));

    // The example of EIP-155.
    let sign = |pass: &str| {
        let args = [
            "eth",
            "sign-tx",
            "--keystore",
            &file,
            "--passphrase-file",
            pass,
            "--chain-id",
            "1",
            "--nonce",
            "9",
            "--gas-price",
            "20 gwei",
            "--gas-limit",
            "21000",
            "--to",
            "0x3535353535353535353535353535353535353535",
            "--value",
            "1 ether",
        ];
        run_with(&args, b"")
    };
    let output = sign(&pass);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let hash = "0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53";
    assert!(text.contains(&format!("sighash   {hash}\n")), "{text}");
    let signed = "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";
    assert!(text.contains(&format!("signed    {signed}\n")), "{text}");
    let text = answer(&["eth", "decode-tx", signed]);
    assert!(text.contains(&format!("sender    {ADDRESS}\n")), "{text}");

    let output = sign(&wrong);
    let line = complaint_of(&["sign-tx"], &output);
    assert!(line.contains("wrong passphrase"), "{line}");
    // No passphrase and no key is ever printed.
    for text in [line, stdout(&output)] {
        assert!(!text.contains("horse") && !text.contains("4646"), "{text}");
    }
}

#[test]
fn keys_come_from_files_too_and_bad_ones_leave_no_file() {
    let folder = Folder::new();
    let pass = folder.write("pass", PASSPHRASE);
    let empty = folder.write("empty", "\n");
    let file = folder.text("key.json");
    for (content, passphrase) in [
        ("", &pass),
        ("0x00", &pass),
        ("zz", &pass),
        (&"0".repeat(64), &pass),
        (&"f".repeat(64), &pass),
        (&"1".repeat(66), &pass),
        (KEY, &empty),
    ] {
        let raw = folder.write("raw", content);
        let args = [
            "key",
            "import",
            &file,
            "--key-file",
            &raw,
            "--passphrase-file",
            passphrase,
        ];
        let line = complaint(&args);
        assert!(!line.contains("4646"), "{line}");
        assert!(!folder.path("key.json").exists(), "{content:?}");
    }
    // A raw key is no argument.
    complaint(&["key", "import", &file, KEY, "--passphrase-file", &pass]);
    assert!(!folder.path("key.json").exists());
}
