//! Payload that looks like a modem talking.

use crate::config::Dialect;

/// Payloads that a peer may send and that a parser which scans for result codes takes for
/// the modem's own words. Each is shorter than 200 bytes.
pub fn lookalikes(dialect: Dialect) -> Vec<Vec<u8>> {
    let own: &[&str] = match dialect {
        Dialect::Quectel => &[
            "\r\n+QIURC: \"closed\",0\r\n",
            "\r\n+QIURC: \"recv\",0\r\n",
            "\r\n+QIURC: \"pdpdeact\",1\r\n",
            "\r\n+QIRD: 1500\r\n",
            "\r\nSEND OK\r\n\r\nSEND FAIL\r\n",
            "\r\n+QIOPEN: 0,566\r\n",
        ],
        Dialect::Simcom => &[
            "\r\n+IPCLOSE: 0,1\r\n",
            "\r\n+CIPRXGET: 1,0\r\n",
            "\r\n+CIPRXGET: 2,0,1500,0\r\n",
            "\r\n+CIPEVENT: NETWORK CLOSED UNEXPECTEDLY\r\n",
            "\r\n+CIPSEND: 0,5,0\r\n",
            "\r\n+CCH_PEER_CLOSED: 0\r\n\r\n+CCHRECV: 0,0\r\n",
        ],
        Dialect::Ublox => &[
            "\r\n+UUSOCL: 0\r\n",
            "\r\n+UUSORD: 0,1024\r\n",
            "\"\r\n\r\nOK\r\n",
            "\r\n+USORD: 0,1024,\"",
            "\r\n+UUPSDD: 0\r\n",
            "\r\n@",
        ],
    };
    let common = [
        "\r\nOK\r\n",
        "\r\nERROR\r\n",
        "\r\n+CME ERROR: 3\r\n",
        "\r\n> ",
        "\r\nRDY\r\n",
        "\r\n+CEREG: 0\r\n",
        "AT+CFUN=1,1\r",
        "\r\r\n\r\n\0\x1a\x1b",
    ];
    let texts = common.iter().chain(own);
    let mut all: Vec<Vec<u8>> = texts.map(|text| text.as_bytes().to_vec()).collect();
    all.push((0..=u8::MAX).filter(|byte| byte % 2 == 1).collect());
    all
}
