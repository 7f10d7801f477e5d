//! What each kind of function expands to, as files to read: `snapshots/*.rs`. `UPDATE_SNAPSHOTS=1 cargo test -p
//! resil-macros` rewrites them; the review of that diff is the test.

mod counted;

use crate::attribute::Kind;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use std::cell::Cell;
use std::path::Path;
use syn::{Attribute, Meta};

thread_local! {
    /// With the feature `metrics`, or without it.
    pub(crate) static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// Expands the outermost attribute, as the compiler would, and compares with the file.
fn snapshot(name: &str, function: &TokenStream) {
    let mut item = crate::function::declaration(function.clone(), "retry").unwrap();
    let first = item.attributes.remove(0);
    let kind = Kind::named(&first.path().segments.last().unwrap().ident).unwrap();
    let expanded = crate::stack::expand(kind, arguments(&first), item.with_body(|body, _| body));
    let expanded = format!(
        "{}\n{}",
        comment(&prettyplease::unparse(&syn::parse_quote!(#function))),
        prettyplease::unparse(&syn::parse2(expanded).expect("an expansion is a file"))
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name).with_extension("rs");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &expanded).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, expanded, "{} differs; UPDATE_SNAPSHOTS=1 rewrites it", path.display());
}

fn arguments(attribute: &Attribute) -> TokenStream {
    match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        other => {
            assert!(matches!(other, Meta::Path(_)), "{}", other.to_token_stream());
            TokenStream::new()
        }
    }
}

fn comment(source: &str) -> String {
    let lines: Vec<_> = source.lines().map(|line| format!("// {line}")).collect();
    lines.join("\n") + "\n"
}

#[test]
fn the_most_used_stack() {
    snapshot(
        "the_most_used_stack",
        &quote! {
            #[retry(idempotent)]
            #[circuit_breaker(name = "payment")]
            #[timeout("5s")]
            pub async fn status(gateway: &Gateway, order: &Order) -> Result<Receipt, PaymentError> {
                Ok(gateway.get(order).await?)
            }
        },
    );
}

/// The method of the README, and what the architecture shows of its expansion, from its first statement to its loop's last. A
/// comment there stands for what is left out.
#[test]
fn the_readme() {
    let shown = |file: &str, start: &str, with: &str| {
        let text = std::fs::read_to_string(format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let mut blocks = text.split("```").skip(1).step_by(2);
        let block = blocks.find(|block| block.starts_with(start) && block.contains(with));
        block.and_then(|block| block.split_once('\n')).unwrap_or_else(|| panic!("it is in {file}")).1.to_owned()
    };
    let file: syn::File = syn::parse_str(&shown("README.md", "rust", "impl PaymentGateway")).unwrap();
    let methods =
        file.items.iter().find_map(|item| if let syn::Item::Impl(item) = item { Some(&item.items) } else { None });
    snapshot("the_readme", &methods.unwrap()[0].to_token_stream());

    let expanded = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/the_readme.rs")).unwrap();
    let close = |text: &str| text.split_whitespace().collect::<String>().replace("::core::option::Option::", "");
    let expanded = close(&expanded);
    let mut rest = expanded.as_str();
    let core = shown("docs/architecture.md", "text", "circuit_breaker.admit()");
    let core = core.split_once("let deadline").and_then(|(_, core)| core.split_once("outcome.map_err")).unwrap().0;
    for part in core.split("/*") {
        let part = close(part.rsplit("*/").next().unwrap_or_default());
        rest = rest.split_once(&part).unwrap_or_else(|| panic!("not in the expansion, or not in this order: {part}")).1;
    }
}

#[test]
fn every_argument() {
    snapshot(
        "every_argument",
        &quote! {
            #[deadline("30s")]
            #[retry(
                idempotency_key = key, attempts = 4, base = "250ms", factor = 1.5, max = MAX, jitter = 0.2,
                retry_status = [429], budget = "shared", failure_if = is_pending
            )]
            #[circuit_breaker(
                name = "toss", window = "60s", min_calls = 10, failure_rate = 0.3, slow_call = "2s", slow_rate = 0.8,
                open_for = "10s", open_factor = 2.0, open_max = "5m", half_open_calls = 2, half_open_max_wait = "20s",
                failure_if = is_broken
            )]
            #[timeout("10s", connect = "2s", read = "5s")]
            async fn confirm(&self, order: Order, key: &IdempotencyKey) -> Result<Receipt, Error> {
                self.post(order, key).await
            }
        },
    );
}

#[test]
fn a_retry_alone() {
    snapshot(
        "a_retry_alone",
        &quote! {
            #[retry(unsent)]
            async fn ping() -> io::Result<()> {
                connect().await
            }
        },
    );
}

#[test]
fn a_circuit_breaker_alone() {
    snapshot(
        "a_circuit_breaker_alone",
        &quote! {
            #[circuit_breaker]
            async fn ping(self: Arc<Self>) -> anyhow::Result<impl Iterator<Item = u8>> {
                Ok(self.bytes().await?.into_iter())
            }
        },
    );
}

#[test]
fn a_call_that_stays_outside_transactions() {
    snapshot(
        "a_call_that_stays_outside_transactions",
        &quote! {
            #[outside_transaction]
            #[non_idempotent]
            #[timeout("5s")]
            async fn charge(&self, order: &Order) -> Result<Receipt, Error> {
                self.post(order).await
            }
        },
    );
}

#[test]
fn a_transaction_that_runs_once() {
    snapshot(
        "a_transaction_that_runs_once",
        &quote! {
            #[transactional(tx = self.db, op = "order.place", once = request_id, keep = "48h")]
            async fn place(&self, request_id: &IdempotencyKey, item: Item, number: u32) -> Result<OrderId, Error> {
                insert(tx, item, number).await
            }
        },
    );
}

#[test]
fn a_transaction_of_its_own() {
    snapshot(
        "a_transaction_of_its_own",
        &quote! {
            #[retry(unsent)]
            #[transactional(tx = self.db)]
            async fn place(&self, order: &Order) -> Result<OrderId, Error> {
                let id = insert(tx, order).await?;
                Ok(id)
            }
        },
    );
}

#[test]
fn a_part_of_the_callers_transaction() {
    snapshot(
        "a_part_of_the_callers_transaction",
        &quote! {
            #[transactional(tx)]
            async fn insert(tx: &mut Tx<Postgres>, order: &Order) -> Result<OrderId, Error> {
                query(order).execute(&mut *tx).await
            }
        },
    );
}

#[test]
fn a_state_for_each_key() {
    snapshot(
        "a_state_for_each_key",
        &quote! {
            #[circuit_breaker(name = "shops", key = order.shop)]
            #[semaphore(permits = 4, key = (&self.tenant, order.shop), max_keys = 500)]
            async fn send(&self, order: Order) -> Result<(), Error> {
                self.post(order).await
            }
        },
    );
}

#[test]
fn a_timeout_under_a_deadline() {
    snapshot(
        "a_timeout_under_a_deadline",
        &quote! {
            #[deadline("3s")]
            #[timeout(read = "1s")]
            async fn ping(&mut self) -> Result<(), Error> {
                self.socket.ping().await
            }
        },
    );
}

#[test]
fn a_renamed_crate() {
    snapshot(
        "a_renamed_crate",
        &quote! {
            #[retry(idempotent, crate = crate::vendored::resil)]
            #[crate::vendored::resil::timeout("1s")]
            async fn ping() -> Result<(), Error> {
                connect().await
            }
        },
    );
}

#[test]
fn a_function_that_returns_a_future() {
    snapshot(
        "a_function_that_returns_a_future",
        &quote! {
            #[timeout("1s")]
            fn ping(&self) -> impl Future<Output = Result<(), Error>> + Send {
                let url = self.url();
                async move { connect(url).await }
            }
        },
    );
}

#[test]
fn a_method_under_async_trait() {
    // What `#[async_trait]` hands down.
    snapshot(
        "a_method_under_async_trait",
        &quote! {
            #[retry(idempotent)]
            fn ping<'life0, 'async_trait>(
                &'life0 self,
            ) -> ::core::pin::Pin<Box<dyn ::core::future::Future<Output = Result<(), Error>> + Send + 'async_trait>>
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(async move {
                    if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<Result<(), Error>> {
                        #[allow(unreachable_code)]
                        return __ret;
                    }
                    let __self = self;
                    let __ret: Result<(), Error> = { __self.connect().await };
                    #[allow(unreachable_code)]
                    __ret
                })
            }
        },
    );
}

#[test]
fn a_fallback_to_the_last_good_value() {
    snapshot(
        "a_fallback_to_the_last_good_value",
        &quote! {
            #[fallback(stale = "10m", key = item)]
            #[timeout("2s")]
            async fn price(item: &str) -> Result<Price, Error> {
                ask(item).await
            }
        },
    );
}

#[test]
fn a_fallback_to_a_function() {
    snapshot(
        "a_fallback_to_a_function",
        &quote! {
            #[fallback(with = Self::cached)]
            async fn rate(&self, currency: String) -> Result<Rate, Error> {
                self.ask(&currency).await
            }
        },
    );
}

#[test]
fn a_fallback_that_acts() {
    snapshot(
        "a_fallback_that_acts",
        &quote! {
            #[fallback(with = second_gateway, unsent)]
            #[retry(unsent)]
            async fn pay(order: &Order) -> Result<Receipt, Error> {
                first_gateway(order).await
            }
        },
    );
}

#[test]
fn a_fallback_that_acts_without_a_retry() {
    snapshot(
        "a_fallback_that_acts_without_a_retry",
        &quote! {
            #[non_idempotent]
            #[fallback(with = second_gateway, unsent)]
            async fn pay(order: &Order) -> Result<Receipt, Error> {
                first_gateway(order).await
            }
        },
    );
}

#[test]
fn shared_settings() {
    snapshot(
        "shared_settings",
        &quote! {
            #[retry(idempotent, settings = PATIENT, attempts = 5)]
            #[circuit_breaker(name = "bank", settings = BANK)]
            #[semaphore(name = "bank", settings = FEW, max_wait = "1s")]
            #[timeout("5s", settings = SHORT)]
            async fn balance(&self, account: u64) -> Result<Balance, Error> {
                self.bank.balance(account).await
            }
        },
    );
}

#[test]
fn a_semaphore_under_a_breaker() {
    snapshot(
        "a_semaphore_under_a_breaker",
        &quote! {
            #[circuit_breaker(name = "reports")]
            #[semaphore(name = "reports", permits = 4, max_wait = "100ms")]
            async fn report(&self, year: u32) -> Result<Report, Error> {
                self.render(year).await
            }
        },
    );
}

#[test]
fn a_rate_limit_by_cost_and_key() {
    snapshot(
        "a_rate_limit_by_cost_and_key",
        &quote! {
            #[retry(idempotent)]
            #[semaphore(permits = 4)]
            #[rate_limit("100/s", settings = BANK, burst = 20, max_wait = "2s", key = order.bank, cost = order.items, follow)]
            #[timeout("5s")]
            async fn send(&self, order: &Order) -> Result<Receipt, Error> {
                self.bank.send(order).await
            }
        },
    );
}

#[test]
fn a_rate_limit_alone() {
    snapshot(
        "a_rate_limit_alone",
        &quote! {
            #[rate_limit("5/2s", name = "bank", follow_max = "30s")]
            async fn balance(&self, account: u64) -> Result<Balance, Error> {
                self.bank.balance(account).await
            }
        },
    );
}

#[test]
fn a_marked_method() {
    snapshot(
        "a_marked_method",
        &quote! {
            #[non_idempotent]
            #[timeout("5s")]
            async fn charge(&self, mut order: Order, (won, _): (u64, Currency)) -> Result<Receipt, Error> {
                order.add(won);
                self.send(order).await
            }
        },
    );
}

#[test]
fn a_bulkhead_under_a_retry() {
    snapshot(
        "a_bulkhead_under_a_retry",
        &quote! {
            #[retry(idempotent)]
            #[bulkhead(name = "erp", threads = 4, max_concurrent = 20, queue = 50)]
            #[timeout("5s")]
            async fn stock(self: Arc<Self>, (item, _): (Item, Region)) -> Result<u32, Error> {
                self.erp.stock(item).await
            }
        },
    );
}

#[test]
fn an_operation_of_the_ledger() {
    snapshot(
        "an_operation_of_the_ledger",
        &quote! {
            #[durable(
                db = Postgres, op = "payment.confirm", version = 2, per = order_id, amount = amount, verify = payment_status,
                compensate = cancel_payment, applied = mark_paid, undone = mark_failed, settle = "2m"
            )]
            #[retry(idempotency_key = key)]
            #[timeout("15s")]
            pub async fn confirm(
                toss: &Toss, order_id: OrderId, amount: Won, key: &IdempotencyKey
            ) -> Result<Receipt, TossError> {
                toss.pay(order_id, amount, key).await
            }
        },
    );
}
