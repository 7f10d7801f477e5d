//! Free functions.

use resil::{Classify, Error, IdempotencyKey, circuit_breaker, deadline, retry, timeout};
use std::fmt::{Debug, Display};
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// An error of our own.
#[derive(Debug, Classify)]
pub enum Failed {
    /// Passing.
    #[classify(transient, unsent)]
    Busy,
    /// Somebody else's.
    #[classify(delegate)]
    Io(io::Error),
    /// A status.
    #[classify(status)]
    Status {
        /// The code.
        code: u16,
    },
    /// A field that knows, among others.
    #[classify(transient)]
    Named {
        /// The name.
        name: String,
        /// The count.
        count: usize,
    },
    /// A refusal.
    #[classify(delegate)]
    Policy(Error),
}

impl Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Policy(error)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// An alias that hides the `Result`.
pub type Answer<T> = Result<T, Failed>;

/// How long a connection may take here.
pub const CONNECT: Duration = Duration::from_secs(1);

/// The whole stack.
///
/// # Errors
///
/// If `text` is empty.
#[deadline("30s")]
#[retry(idempotent, attempts = 2, base = "1ms")]
#[circuit_breaker(name = "outside", window = 10)]
#[timeout("5s", connect = CONNECT, read = "4s", allow(range))]
pub async fn borrowed(text: &str) -> Answer<&str> {
    if text.is_empty() {
        Err(io::Error::from(io::ErrorKind::TimedOut))?;
    }
    Ok(text)
}

/// Generic, with bounds in a `where` clause and a const.
///
/// # Errors
///
/// None of its own.
#[retry(unsent)]
#[timeout("5s")]
pub async fn generic<T, const N: usize>(value: T) -> Answer<[String; N]>
where
    T: Display + Clone + Send + Sync,
{
    let text = value.clone().to_string();
    Ok(std::array::from_fn(|_| text.clone()))
}

/// `impl Trait` in and out.
///
/// # Errors
///
/// None of its own.
#[retry(idempotent)]
#[circuit_breaker]
pub async fn opaque(values: impl IntoIterator<Item = u8> + Clone) -> io::Result<impl Iterator<Item = u8>> {
    let sum: Vec<u8> = values.clone().into_iter().collect();
    Ok(sum.into_iter().rev())
}

/// A boxed trait object, to which the body coerces.
///
/// # Errors
///
/// None of its own.
#[timeout("5s")]
pub async fn coerced(value: u32) -> Result<Box<dyn Debug + Send>, Failed> {
    if value > 7 {
        return Ok(Box::new("many"));
    }
    Ok(Box::new(value))
}

/// Two lifetimes, and a pattern among the parameters.
///
/// # Errors
///
/// None of its own.
#[retry(idempotent)]
pub async fn lifetimes<'a, 'b: 'a>(a: &'a str, (b, n): (&'b str, usize)) -> Answer<&'a str> {
    Ok(if n == 0 { a } else { b })
}

/// Takes what cannot be cloned: fine where nothing is repeated.
///
/// # Errors
///
/// None of its own.
#[circuit_breaker]
#[timeout("5s")]
pub async fn consumed(mut values: Vec<Box<dyn Debug + Send>>) -> Answer<usize> {
    values.pop();
    tokio::task::yield_now().await;
    Ok(values.len())
}

/// A future by hand, the way a trait promises `Send`.
#[retry(idempotent)]
#[timeout("5s")]
pub fn promised(value: u32) -> impl Future<Output = Answer<u32>> + Send {
    let doubled = value * 2;
    async move { Ok(doubled) }
}

/// A key, in a format string alone.
///
/// # Errors
///
/// None of its own.
#[retry(idempotency_key = key, attempts = 2)]
pub async fn keyed(key: &IdempotencyKey, _unused: u32) -> Answer<String> {
    Ok(format!("{key}"))
}

/// Recursion, boxed as rustc asks.
///
/// # Errors
///
/// None of its own.
#[timeout("5s")]
pub async fn recursive(depth: u32) -> Answer<u32> {
    if depth == 0 {
        return Ok(0);
    }
    Ok(Box::pin(recursive(depth - 1)).await? + 1)
}

/// Not `Send`, for a `LocalSet`.
///
/// # Errors
///
/// None of its own.
#[retry(idempotent)]
#[circuit_breaker]
#[timeout("5s")]
pub async fn local(value: std::rc::Rc<u32>) -> Answer<u32> {
    tokio::task::yield_now().await;
    Ok(*value)
}

/// A success that cannot leave its thread does not keep the call from doing so: it is gone before any wait.
///
/// # Errors
///
/// When it is negative.
#[retry(idempotent, base = "0ms")]
pub async fn not_send(value: i32) -> Answer<Rc<i32>> {
    if value < 0 { Err(Failed::Busy) } else { Ok(Rc::new(value)) }
}

/// The same under a breaker and bounds.
///
/// # Errors
///
/// When it is negative.
#[deadline("30s")]
#[retry(idempotent, base = "0ms")]
#[circuit_breaker]
#[timeout("5s")]
pub async fn not_send_in_a_stack(value: i32) -> Answer<Rc<i32>> {
    if value < 0 { Err(Failed::Busy) } else { Ok(Rc::new(value)) }
}

/// A large success takes no room while the call waits.
///
/// # Errors
///
/// When it is negative.
#[retry(idempotent, base = "0ms")]
pub async fn large(value: i32) -> Answer<[u8; 4096]> {
    if value < 0 { Err(Failed::Busy) } else { Ok([1; 4096]) }
}
