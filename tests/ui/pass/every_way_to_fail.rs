#![deny(warnings)]
#![forbid(unsafe_code)]

use resil::{Classify, Error, circuit_breaker, deadline, retry, timeout};
use std::{fmt, io};

#[derive(Debug, Classify)]
enum PaymentError {
    #[classify(permanent)]
    Undecodable { text: String },
    #[classify(status)]
    Http(u16),
    Coded {
        #[classify(status)]
        code: http::StatusCode,
        text: &'static str,
    },
    #[classify(delegate)]
    Io(io::Error),
    #[classify(delegate)]
    Boxed(Box<dyn std::error::Error + Send + Sync>),
    #[classify(transient, unsent)]
    Policy(Error),
}

impl From<Error> for PaymentError {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

impl From<io::Error> for PaymentError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Generic, and asked through its only field.
#[derive(Debug, Classify)]
#[classify(delegate)]
struct Wrapped<E: Classify>(E);

impl<E: Classify + From<Error>> From<Error> for Wrapped<E> {
    fn from(error: Error) -> Self {
        Self(error.into())
    }
}

#[derive(Debug, Classify)]
enum Never {}

type Outcome<T> = Result<T, PaymentError>;

#[retry(idempotent)]
#[circuit_breaker]
#[timeout("5s")]
async fn of_io() -> io::Result<u32> {
    Ok(1)
}

#[retry(idempotent)]
#[circuit_breaker]
#[timeout("5s")]
async fn of_anyhow() -> anyhow::Result<u32> {
    Err(anyhow::anyhow!("nobody knows"))
}

#[deadline("5s")]
#[retry(idempotent)]
#[circuit_breaker]
async fn of_an_alias(mistake: u16) -> Outcome<u32> {
    match mistake {
        0 => Err(io::Error::other("a question mark converts").into()),
        1 => Err(PaymentError::Undecodable { text: String::new() }),
        2 => Err(PaymentError::Boxed("boxed".into())),
        3 => Err(PaymentError::Coded { code: http::StatusCode::NOT_FOUND, text: "none" }),
        code => Err(PaymentError::Http(code)),
    }
}

#[circuit_breaker]
#[timeout("5s")]
async fn of_a_box() -> Result<u32, Wrapped<Error>> {
    Ok(1)
}

/// A retry alone refuses nothing, so the error needs no place for a refusal.
#[retry(unsent)]
async fn of_reqwest() -> Result<u32, reqwest::Error> {
    Ok(1)
}

/// A timeout alone decides nothing, so the error needs no verdict.
#[timeout("5s")]
async fn without_a_verdict() -> Result<u32, Plain> {
    Ok(1)
}

#[derive(Debug)]
struct Plain;

impl From<Error> for Plain {
    fn from(_: Error) -> Self {
        Self
    }
}

#[retry(idempotent)]
#[timeout("5s")]
async fn of_a_trait_object() -> Result<Box<dyn fmt::Display + Send>, Error> {
    Ok(Box::new(1))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(of_io().await.unwrap(), 1);
    assert!(of_anyhow().await.is_err());
    for mistake in [0, 1, 2, 3, 404] {
        match of_an_alias(mistake).await.unwrap_err() {
            PaymentError::Undecodable { text } => assert_eq!(text, ""),
            PaymentError::Http(code) => assert_eq!(code, 404),
            PaymentError::Coded { code, text } => assert_eq!((code.as_u16(), text), (404, "none")),
            PaymentError::Io(error) => assert_eq!(error.kind(), io::ErrorKind::Other),
            PaymentError::Boxed(error) => assert_eq!(error.to_string(), "boxed"),
            PaymentError::Policy(error) => panic!("{error}"),
        }
    }
    assert_eq!(of_a_box().await.map_err(|Wrapped(error)| error).unwrap(), 1);
    assert_eq!(of_reqwest().await.unwrap(), 1);
    assert_eq!(without_a_verdict().await.unwrap(), 1);
    assert_eq!(of_a_trait_object().await.unwrap().to_string(), "1");
    assert!(Option::<Never>::None.is_none());
}
