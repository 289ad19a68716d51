//! `coracle eth abi-encode` and `coracle eth abi-decode`.

use std::io::Write;

use bumpalo::Bump;
use clap::Args;
use coracle_core::hex::Hex;
use coracle_eth::abi::{Kind, Params, Revert, Signature, Type, Types, decode};
use serde_json::{Map, Value as Json, json};

use crate::abi_json::{to_json, to_params};
use crate::failure::{Failure, Within};
use crate::input::Input;
use crate::output::{Lines, Outcome, needed, run};
use crate::rlp::encoded;

#[derive(Args, Debug)]
pub(crate) struct EncodeArgs {
    #[command(flatten)]
    lines: Lines,
    /// A signature, transfer(address,uint256), or a type, (address,uint256).
    form: Option<String>,
    /// One for each parameter; arrays and tuples as JSON.
    #[arg(allow_negative_numbers = true)]
    values: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct DecodeArgs {
    #[command(flatten)]
    lines: Lines,
    /// The type, (uint256,string), or the signature if DATA starts with a selector.
    #[arg(required_unless_present_any = ["jsonl", "revert"])]
    form: Option<String>,
    /// The encoding (0x...).
    #[arg(required_unless_present_any = ["jsonl", "revert"])]
    data: Option<String>,
    /// DATA is what a reverted call returned; the signature is that of a custom error.
    #[arg(long)]
    revert: bool,
}

impl EncodeArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        run(out, self.lines, &encode, || self.fields())
    }

    fn fields(&self) -> Result<Map<String, Json>, Failure> {
        let form = needed(self.form.as_deref(), "FORM")?;
        let (name, ty) = read_form(form)?;
        let value = args_to_json(ty, &self.values)?;
        Ok(Map::from_iter([
            (name.to_owned(), form.into()),
            ("value".to_owned(), value),
        ]))
    }
}

impl DecodeArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        run(out, self.lines, &decode_line, || self.fields())
    }

    fn fields(&self) -> Result<Map<String, Json>, Failure> {
        let (form, data) = match (&self.form, &self.data) {
            // Of a revert, the data alone is enough.
            (Some(data), None) => (None, data),
            (form, data) => (form.as_deref(), needed(data.as_ref(), "DATA")?),
        };
        let mut fields = Map::from_iter([("data".to_owned(), data.as_str().into())]);
        if let Some(form) = form {
            let (name, _) = read_form(form)?;
            fields.insert(name.to_owned(), form.into());
        }
        if self.revert {
            fields.insert("revert".to_owned(), true.into());
        }
        Ok(fields)
    }
}

/// Whether text is a `type` or a `signature`, and the parameters. A type never parses
/// as a signature, which has a name before its bracket.
pub(crate) fn read_form(form: &str) -> Result<(&'static str, Type<'_>), Failure> {
    if let Ok(signature) = Signature::parse(form) {
        return Ok(("signature", signature.params()));
    }
    let is_signature = form.find('(').is_some_and(|at| at > 0);
    match (is_signature, Type::parse(form)) {
        (_, Ok(ty)) => Ok(("type", ty)),
        (false, Err(error)) => Err(error).within(form),
        (true, Err(_)) => Ok(("signature", Signature::parse(form).within(form)?.params())),
    }
}

/// The values of `ty` from one argument for each parameter.
pub(crate) fn args_to_json(ty: Type<'_>, args: &[String]) -> Result<Json, Failure> {
    let Kind::Tuple(types) = ty.kind() else {
        return match args {
            [one] => arg_to_json(ty, one),
            _ => Err(wrong_count(1, args.len())),
        };
    };
    if types.len() != args.len() {
        return Err(wrong_count(types.len(), args.len()));
    }
    let values = Types::zip(types, args).map(|(ty, arg)| arg_to_json(ty, arg));
    values.collect()
}

fn wrong_count(expected: usize, found: usize) -> Failure {
    let message = format!("{found} values for {expected} parameters");
    Failure::new("wrong-count", message)
}

fn arg_to_json(ty: Type<'_>, arg: &str) -> Result<Json, Failure> {
    match ty.kind() {
        Kind::Bool | Kind::Array { .. } | Kind::Tuple(_) => serde_json::from_str(arg)
            .map_err(|error| Failure::new("not-json", format!("{arg}: not JSON: {error}"))),
        _ => Ok(arg.into()),
    }
}

/// `type` or `signature`, and `value`, to `data`; with `signature` also to `selector`
/// and `calldata`.
fn encode(input: Input<'_>) -> Result<Json, Failure> {
    let signature = signature(input)?;
    let ty = params(input, signature)?;
    let arena = Bump::new();
    let values = to_params(ty, input.json("value")?, &arena).within("value")?;
    let data = encoded(&Params::new(ty, values)?);
    let mut answer = json!({ "data": Hex(&data).to_string() });
    if let Some(signature) = signature {
        let selector = signature.selector();
        answer["selector"] = Hex(&selector).to_string().into();
        let calldata = [&selector[..], &data].concat();
        answer["calldata"] = Hex(&calldata).to_string().into();
    }
    Ok(answer)
}

/// `type` and `data` to `value`; with `signature` alone, `data` starts with its
/// selector. With `revert`, to what the payload says.
fn decode_line(input: Input<'_>) -> Result<Json, Failure> {
    let data = input.bytes("data")?;
    let signature = signature(input)?;
    if input.flag("revert")? {
        return decode_revert(&data, signature);
    }
    let values = match signature {
        Some(signature) if !input.has("type") => signature.decode(&data)?,
        _ => decode(params(input, signature)?, &data)?,
    };
    Ok(json!({ "value": to_json(values)? }))
}

fn signature(input: Input<'_>) -> Result<Option<Signature<'_>>, Failure> {
    if !input.has("signature") {
        return Ok(None);
    }
    let parsed = Signature::parse(input.text("signature")?);
    parsed.map(Some).within("signature")
}

fn params<'a>(input: Input<'a>, signature: Option<Signature<'a>>) -> Result<Type<'a>, Failure> {
    let ty = match (signature, input.has("type")) {
        (Some(signature), false) => return Ok(signature.params()),
        _ => Type::parse(input.text("type")?).within("type")?,
    };
    let differs = |signature: &Signature<'_>| signature.params().to_string() != ty.to_string();
    if signature.as_ref().is_some_and(differs) {
        let message = "type and signature have other parameters";
        return Err(Failure::new("type-mismatch", message));
    }
    Ok(ty)
}

/// A custom error is read with the signature given, where that is the one.
fn decode_revert(data: &[u8], error: Option<Signature<'_>>) -> Result<Json, Failure> {
    Ok(match Revert::decode(data) {
        Revert::Empty => json!({ "kind": "Empty" }),
        Revert::Error(reason) => json!({ "kind": "Error", "reason": reason }),
        Revert::Panic(code) => json!({ "kind": "Panic", "code": code.0.to_string() }),
        Revert::Malformed(_) => json!({ "kind": "Malformed" }),
        Revert::Unknown(_) => json!({ "kind": "Unknown" }),
        Revert::Custom { selector, .. } => match error {
            Some(error) => {
                let value = to_json(error.decode(data)?)?;
                json!({ "kind": "Custom", "value": value })
            }
            None => json!({ "kind": "Custom", "selector": Hex(&selector).to_string() }),
        },
    })
}
