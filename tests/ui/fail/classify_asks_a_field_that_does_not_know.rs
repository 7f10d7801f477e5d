use resil::Classify;

struct Opaque;

#[derive(Classify)]
enum PaymentError {
    #[classify(delegate)]
    Delegated(Opaque),
    #[classify(status)]
    Status(String),
    Named {
        #[classify(status)]
        code: i64,
        #[allow(dead_code)]
        body: String,
    },
}

fn main() {}
