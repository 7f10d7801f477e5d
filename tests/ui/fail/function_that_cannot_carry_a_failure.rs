use resil::{circuit_breaker, deadline, retry, timeout};

#[timeout("5s")]
async fn nothing() {}

#[timeout("5s")]
async fn unit() -> () {}

#[retry(idempotent)]
async fn number() -> u32 {
    1
}

#[circuit_breaker]
async fn option() -> Option<Vec<u8>> {
    None
}

#[deadline("5s")]
async fn reference(name: &'static str) -> &'static str {
    name
}

#[deadline("5s")]
async fn tuple() -> (u32, String) {
    (1, String::new())
}

#[timeout("5s")]
fn future() -> impl Future<Output = u32> + Send {
    async move { 1 }
}

fn main() {}
