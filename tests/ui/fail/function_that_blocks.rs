use resil::{Error, circuit_breaker, retry, timeout};

#[retry(idempotent)]
#[timeout("5s")]
fn report(path: &str) -> Result<String, Error> {
    Ok(path.to_owned())
}

struct Printer;

impl Printer {
    #[circuit_breaker]
    fn print(&self) -> Result<(), Error> {
        Ok(())
    }
}

fn main() {}
