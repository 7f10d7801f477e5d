use resil::Classify;

#[derive(Classify)]
enum PaymentError {
    #[classify(transient)]
    Busy,
    Unmarked,
    AlsoUnmarked(u32),
    #[classify(temporary)]
    UnknownMark,
    #[classify(transient, caller)]
    TwoMarks,
    #[classify(transient)]
    #[classify(permanent)]
    TwoAttributes,
    #[classify(unsent)]
    UnsentAlone,
    #[classify(permanent, unsent)]
    UnsentBesideAnother,
    #[classify(delegate)]
    TwoFields(std::io::Error, u32),
    #[classify(delegate)]
    NoField,
    #[classify(status)]
    TwoNamedFields {
        code: u16,
        body: String,
    },
    TwoMarkedFields(#[classify(delegate)] std::io::Error, #[classify(status)] u16),
    #[classify(transient)]
    MarkedTwice(#[classify(delegate)] std::io::Error),
    MarkedLikeAVariant(#[classify(transient)] std::io::Error, u32),
    #[classify]
    Bare,
    #[classify()]
    Empty,
    #[classify = "transient"]
    WrittenAsAValue,
    #[classify(transient = true)]
    WithAValue,
    #[classify("transient")]
    InQuotes,
}

#[derive(Classify)]
struct Unmarked;

#[derive(Classify)]
#[classify(temporary)]
struct Unknown;

#[derive(Classify)]
union Bits {
    number: u32,
    float: f32,
}

fn main() {}
