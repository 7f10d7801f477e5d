//! The reqwest adapter: a client whose connections are bounded and whose failures prove something, and the sending of a
//! request.

mod checked;
mod connect;
mod redirects;
mod response;
mod sending;
mod uploading;

pub use checked::{Checked, Request};
pub(crate) use connect::Undialled;
pub use connect::{ConnectLayer, ConnectService, Connecting};
pub use response::Response;
pub(crate) use sending::Departed;

use ::reqwest::ClientBuilder;
use ::reqwest::redirect::Policy;

/// A reqwest client builder whose connections obey the `connect` bound of the annotated function that needs them, and
/// whose failures prove what they say: that a connection was never made, and that no redirect was followed before.
///
/// A redirect policy set on it afterwards takes the place of ours: use [`watch`] instead. A key then travels wherever the
/// partner redirects its request. Leave `retry` off as well: resil does not see what reqwest repeats by itself.
///
/// ```
/// let client = resil::http::client().user_agent("shop/1.0").build()?;
/// # Ok::<(), reqwest::Error>(())
/// ```
pub fn client() -> ClientBuilder {
    watch(ClientBuilder::new(), Policy::default())
}

/// The same for a client builder you already have, with a redirect policy of your own. The first redirect of a request with
/// an idempotency key is not put to it, unless it is [`Policy::none`]: see [`Checked::checked`].
///
/// ```
/// use reqwest::{Client, redirect::Policy};
///
/// let client = resil::http::watch(Client::builder(), Policy::limited(3)).build()?;
/// # Ok::<(), reqwest::Error>(())
/// ```
pub fn watch(builder: ClientBuilder, redirects: Policy) -> ClientBuilder {
    builder.redirect(redirects::watched(redirects)).connector_layer(ConnectLayer::that_proves(true))
}
