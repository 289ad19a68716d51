//! The bytes of a call.

use coracle_core::json::{self, Writer};
use coracle_core::{Encode, Sink};

/// What is asked.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// What stands before the method's name, its underscore included: `eth_` on most
    /// chains, `platon_` on PlatON; empty where `method` is the whole name.
    pub prefix: &'a str,
    /// The method.
    pub method: &'a str,
    /// The parameters: an encoder of one JSON array (or object). Written as it is.
    pub params: &'a dyn Encode,
}

/// A call with its number, as JSON.
///
/// # Examples
///
/// ```
/// use coracle_core::Encode;
/// use coracle_net::rpc::{Call, Request};
///
/// let params = &b"[]"[..];
/// let call = Call { prefix: "eth_", method: "chainId", params: &params };
/// let mut buf = [0; 80];
/// let len = Request { id: 7, call }.encode_into(&mut buf)?;
/// let text = br#"{"jsonrpc":"2.0","id":7,"method":"eth_chainId","params":[]}"#;
/// assert_eq!(&buf[..len], text);
/// # Ok::<(), coracle_core::BufferTooSmall>(())
/// ```
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The number that the answer must carry.
    pub id: u32,
    /// What is asked.
    pub call: Call<'a>,
}

/// The name of a method, in two parts.
struct Name<'a>(&'a str, &'a str);

impl Encode for Name<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        json::write_escaped(out, self.0);
        json::write_escaped(out, self.1);
    }
}

impl Encode for Request<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        let mut json = Writer::new(out);
        json.begin_object();
        json.key("jsonrpc").string("2.0");
        json.key("id").number(u64::from(self.id));
        let Call {
            prefix,
            method,
            params,
        } = self.call;
        json.key("method").text(&Name(prefix, method));
        json.key("params").raw(params);
        json.end_object();
    }
}
