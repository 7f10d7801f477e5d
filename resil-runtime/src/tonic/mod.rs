//! gRPC through tonic: a channel in which the attributes around a call are in force, what its failures mean, and a server that
//! keeps to the time that its caller has left.
//!
//! A generated client over [`channel`] does what `checked()` does for reqwest:
//!
//! - `connect` is enforced, though the channel dials in a task of its own: [`channel`];
//! - what is left of the deadline goes out as `grpc-timeout`, rounded down; a call with nothing left is not sent;
//! - under `#[retry(idempotency_key = key)]` one request of the call carries the key as the metadata `idempotency-key`; a second
//!   one that is not the same is refused before it is sent. [`Marks`] says otherwise of one request;
//! - the annotated call around it remembers the request until it is certain to have done nothing: its only message has not left,
//!   the partner says that it did not process it, or answers that the caller is at fault;
//! - a status says who made it: see [`Classify`](trait@crate::Classify) for [`Status`](::tonic::Status);
//! - where a `read` is in force, each wait for a part of an answer is silent by itself, also in a stream;
//! - a wait that the partner asks for, in `RetryInfo`, is kept by the retry and by the rate limit around.
//!
//! Dropping a call resets its stream; what was sent by then may still be acted upon.
//!
//! On the server, [`CallerDeadline`] takes `grpc-timeout` over as the deadline of the handler, and `?` on a
//! [`resil::Error`](crate::Error) makes a status of it.

mod answer;
mod channel;
mod checked;
mod details;
mod grpc_timeout;
mod key;
mod line;
mod marks;
mod message;
mod refusal;
mod serving;
mod status;

pub use channel::{channel, channel_with};
pub use checked::Checked;
pub use marks::Marks;
pub use serving::{CallerDeadline, Serving};
