//! What can go wrong in the shop, and what its customers are told.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use resil::Classify;
use std::fmt;

#[derive(Debug, Classify)]
pub enum Trouble {
    #[classify(caller)]
    SoldOut,
    #[classify(caller)]
    NoSuchOrder,
    /// It is paid, failed or withdrawn already.
    #[classify(caller)]
    NotPending,
    #[classify(delegate)]
    Partner(resil::http::Error),
    #[classify(delegate)]
    Sql(sqlx::Error),
    #[classify(delegate)]
    Resil(resil::Error),
    /// Whatever it is, the broker will be back, and no event is to be set aside for it.
    #[classify(transient)]
    Broker(String),
    /// An event of another version.
    #[classify(permanent)]
    Unreadable(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SoldOut => f.write_str("it is sold out"),
            Self::NoSuchOrder => f.write_str("there is no such order"),
            Self::NotPending => f.write_str("the order is not pending any more"),
            Self::Partner(error) => error.fmt(f),
            Self::Sql(error) => error.fmt(f),
            Self::Resil(error) => error.fmt(f),
            Self::Broker(why) => write!(f, "the broker: {why}"),
            Self::Unreadable(why) => write!(f, "the event cannot be read: {why}"),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<resil::http::Error> for Trouble {
    fn from(error: resil::http::Error) -> Self {
        Self::Partner(error)
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<resil::Error> for Trouble {
    fn from(error: resil::Error) -> Self {
        Self::Resil(error)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let status = match self {
            // It says what the customer can do, and nothing of what is inside.
            Self::Resil(error) => return error.into_response(),
            Self::SoldOut | Self::NotPending => StatusCode::CONFLICT,
            Self::NoSuchOrder => StatusCode::NOT_FOUND,
            Self::Partner(_) => StatusCode::BAD_GATEWAY,
            Self::Sql(_) | Self::Broker(_) | Self::Unreadable(_) => {
                return (StatusCode::SERVICE_UNAVAILABLE, "The service is busy").into_response();
            }
        };
        let title = self.to_string();
        (status, Json(serde_json::json!({ "status": status.as_u16(), "title": title }))).into_response()
    }
}
