//! JSON-RPC 2.0: one body in, one body out. Knows no method.

use core::fmt;

use serde_json::{Value, json};

/// Requests in one batch at most.
const MAX_BATCH: usize = 100;

/// An error answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RpcError {
    /// Number that says which kind of error it is.
    pub code: i64,
    /// Text for people.
    pub message: String,
    /// Revert data as hex.
    pub data: Option<String>,
}

impl RpcError {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// The server understood, and says no.
    pub(crate) fn server(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }

    pub(crate) fn unknown_method(method: &str) -> Self {
        let text = format!("the method {method} does not exist/is not available");
        Self::new(-32601, text)
    }

    /// Names the wrong parameter by its place, from 0 on.
    pub(crate) fn argument(index: usize, problem: impl fmt::Display) -> Self {
        Self::new(-32602, format!("invalid argument {index}: {problem}"))
    }

    pub(crate) fn params(problem: impl Into<String>) -> Self {
        Self::new(-32602, problem)
    }

    fn to_json(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(data) = &self.data {
            error["data"] = json!(data);
        }
        error
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}

impl core::error::Error for RpcError {}

/// A set of methods over a chain.
pub(crate) trait Face: Send + Sync {
    /// Answers one request.
    ///
    /// # Errors
    ///
    /// What the caller is told in place of a result.
    fn call(&self, method: &str, params: &[Value]) -> Result<Value, RpcError>;
}

/// Answers the body of a request or batch; empty if nothing in it wants an answer.
pub(crate) fn answer(face: &dyn Face, body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Err(_) => failure(&Value::Null, &RpcError::new(-32700, "parse error")),
        Ok(Value::Array(batch)) => answer_batch(face, &batch),
        Ok(request) => answer_one(face, &request).unwrap_or_default(),
    }
}

fn answer_batch(face: &dyn Face, batch: &[Value]) -> String {
    let problem = match batch.len() {
        0 => "empty batch",
        1..=MAX_BATCH => "",
        _ => "batch too large",
    };
    if !problem.is_empty() {
        return failure(&Value::Null, &RpcError::new(-32600, problem));
    }
    let answers: Vec<String> = batch
        .iter()
        .filter_map(|one| answer_one(face, one))
        .collect();
    if answers.is_empty() {
        return String::new();
    }
    format!("[{}]", answers.join(","))
}

/// `None` for a notification, which is carried out all the same.
fn answer_one(face: &dyn Face, request: &Value) -> Option<String> {
    let id = match request.get("id") {
        Some(id @ (Value::Null | Value::Number(_) | Value::String(_))) => Some(id),
        Some(_) => return Some(invalid(&Value::Null)),
        None => None,
    };
    let (Some("2.0"), Some(method)) = (text(request, "jsonrpc"), text(request, "method")) else {
        return Some(invalid(id.unwrap_or(&Value::Null)));
    };
    let result = params(request).and_then(|params| face.call(method, params));
    let id = id?;
    Some(match result {
        Ok(result) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        Err(error) => failure(id, &error),
    })
}

fn params(request: &Value) -> Result<&[Value], RpcError> {
    match request.get("params") {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(params)) => Ok(params),
        Some(_) => Err(RpcError::params("non-array args")),
    }
}

fn text<'a>(request: &'a Value, field: &str) -> Option<&'a str> {
    request.get(field).and_then(Value::as_str)
}

fn invalid(id: &Value) -> String {
    failure(id, &RpcError::new(-32600, "invalid request"))
}

fn failure(id: &Value, error: &RpcError) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{}}}"#,
        error.to_json()
    )
}
