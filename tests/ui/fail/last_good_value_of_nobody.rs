//! A last good value of a method is an instance's, or says that all are alike.

use resil::{Error, fallback};

struct Rates {
    base: Vec<String>,
}

impl Rates {
    #[fallback(stale = "10m", key = currency)]
    async fn rate(&self, currency: &str) -> Result<u32, Error> {
        Ok(1)
    }

    #[fallback(stale = "10m", key = currency, of = self.base)]
    async fn of_what_prints_nothing(&self, currency: &str) -> Result<u32, Error> {
        Ok(1)
    }

    #[fallback(stale = "10m", key = currency, of = all)]
    async fn of_no_instance(currency: &str) -> Result<u32, Error> {
        Ok(1)
    }

    #[fallback(value = 1, of = self.base)]
    async fn not_kept(&self) -> Result<u32, Error> {
        Ok(1)
    }
}

fn main() {}
