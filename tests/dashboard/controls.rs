//! What each control does, and that it bears the name of who did it.

use crate::support::{Server, get, page, send};
use resil::config::Source;
use resil::{
    Bulkhead, CircuitBreaker, CircuitState, Error, Event, Events, Keyed, Semaphore, circuit_breaker, registry,
};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

struct Anna {
    server: Server,
    token: String,
}

impl Anna {
    async fn new() -> Self {
        let server = page().await;
        let token = get(server.address, "/resil", &[("x-user", "anna")]).await.token();
        Self { server, token }
    }

    async fn act(&self, act: Value) -> Value {
        let host = self.server.address.to_string();
        let headers = [("host", host.as_str()), ("x-user", "anna"), ("x-resil-token", &self.token)];
        let done = send(self.server.address, "POST", "/resil/act", &headers, &act.to_string()).await;
        assert_eq!(done.status, 200, "{}", done.body);
        done.json()
    }

    async fn part(&self, name: &str) -> Value {
        get(self.server.address, "/resil/state.json", &[("x-user", "anna")]).await.json()["parts"][name].clone()
    }
}

/// The next that is about this one: other tests have theirs.
async fn next_of(events: &mut Events, name: &str) -> Event {
    loop {
        let event = events.next().await;
        if event.to_string().contains(&format!("`{name}`")) {
            return event;
        }
    }
}

fn of(setting: &str, kind: &str, label: &str) -> (Option<String>, Source) {
    let settings = registry().settings();
    let policy = settings.iter().find(|one| one.kind == kind && one.label == label).expect("it is known");
    let found = policy.settings.iter().find(|one| one.setting == setting).expect("a setting");
    (found.value.clone(), found.source.clone())
}

#[tokio::test]
async fn a_circuit_is_forced_open_for_an_hour_and_closed_by_somebody() {
    static ORDERS: CircuitBreaker = CircuitBreaker::named("orders");
    let state = || ORDERS.snapshot().expect("it is configured").state;
    assert_eq!(state(), CircuitState::Closed);
    let (anna, mut events) = (Anna::new().await, registry().subscribe());
    let policy = json!({"kind": "circuit_breaker", "name": "orders"});

    anna.act(json!({"act": "force_open", "policy": policy})).await;
    assert_eq!(state(), CircuitState::ForcedOpen);
    let (mode, Source::Operator { who, since, until: Some(until) }) = of("mode", "circuit_breaker", "orders") else {
        panic!("an operator's word")
    };
    assert_eq!((mode.as_deref(), &*who), (Some("forced_open"), "anna"));
    assert_eq!(until.duration_since(since).expect("later"), Duration::from_secs(3600));
    let Event::SettingChanged(change) = next_of(&mut events, "orders").await else { panic!("a setting") };
    assert_eq!((change.setting, change.by.as_deref()), ("mode", Some("anna")));
    let Event::StateChanged { to: CircuitState::ForcedOpen, by, .. } = next_of(&mut events, "orders").await else {
        panic!("a state")
    };
    assert_eq!(by.as_deref(), Some("anna"));

    anna.act(json!({"act": "close", "policy": policy})).await;
    assert_eq!(state(), CircuitState::Closed);
    assert_eq!(of("mode", "circuit_breaker", "orders"), (Some("normal".to_owned()), Source::Default));
    let told = [next_of(&mut events, "orders").await, next_of(&mut events, "orders").await];
    assert!(
        matches!(&told[1], Event::StateChanged { to: CircuitState::Closed, by: Some(by), .. } if **by == *"anna"),
        "{told:?}"
    );

    ORDERS.admit().expect("closed").record(Some(resil::Verdict::permanent()));
    assert_eq!(ORDERS.snapshot().expect("it is configured").failures, 1);
    anna.act(json!({"act": "close", "policy": policy})).await;
    assert_eq!(ORDERS.snapshot().expect("it is configured").failures, 0);
    let forgot = next_of(&mut events, "orders").await;
    assert!(matches!(&forgot, Event::CallsForgotten { by: Some(by), .. } if **by == *"anna"), "{forgot:?}");

    let row = anna.part("policy/circuit_breaker/orders").await;
    assert_eq!((&row["level"], &row["now"]["circuit"]["state"]), (&json!("well"), &json!("closed")));
    let past: Vec<_> = row["changes"].as_array().expect("a list").iter().map(|one| (&one["to"], &one["by"])).collect();
    assert_eq!((past[0], past.len()), ((&json!("closed"), &json!("anna")), 2), "{past:?}");
}

#[tokio::test]
async fn as_long_as_somebody_says() {
    static MAILER: CircuitBreaker = CircuitBreaker::named("newsletter");
    MAILER.snapshot().expect("it is configured");
    let anna = Anna::new().await;
    let policy = json!({"kind": "circuit_breaker", "name": "newsletter"});
    let until = || match of("mode", "circuit_breaker", "newsletter").1 {
        Source::Operator { until, .. } => until,
        other => panic!("{other:?}"),
    };
    anna.act(json!({"act": "force_open", "policy": policy, "seconds": 0})).await;
    assert_eq!(until(), None);
    anna.act(json!({"act": "force_open", "policy": policy, "seconds": u32::MAX})).await;
    assert!(until().is_some_and(|until| until > SystemTime::now()));
    anna.act(json!({"act": "release", "policy": policy, "setting": "mode"})).await;
    assert_eq!(of("mode", "circuit_breaker", "newsletter").1, Source::Default);
    assert!(MAILER.admit().is_ok(), "a probe");
}

#[tokio::test]
async fn permits_are_resized_and_given_back() {
    static PRINTS: Semaphore = Semaphore::new(20).name("prints");
    static IMAGES: Bulkhead = Bulkhead::new(2).name("thumbnails");
    assert_eq!(PRINTS.usage().expect("it is configured").limit + IMAGES.usage().expect("it is configured").limit, 22);
    let (anna, mut events) = (Anna::new().await, registry().subscribe());
    let (exports, images) =
        (json!({"kind": "semaphore", "name": "prints"}), json!({"kind": "bulkhead", "name": "thumbnails"}));
    anna.act(json!({"act": "resize", "policy": exports, "permits": 5})).await;
    let changes = anna.act(json!({"act": "resize", "policy": images, "permits": 7})).await;
    assert_eq!(changes["changes"][0]["to"], "7");
    assert_eq!(PRINTS.usage().expect("it is configured").limit, 5);
    assert_eq!(IMAGES.usage().expect("it is configured").limit, 7);
    let Event::SettingChanged(change) = next_of(&mut events, "prints").await else { panic!("a setting") };
    assert_eq!((change.setting, &*change.to, change.by.as_deref()), ("permits", "5", Some("anna")));
    let settings = anna.part("settings/semaphore/prints").await;
    assert_eq!((&settings[0]["value"], &settings[0]["source"]["operator"]["who"]), (&json!("5"), &json!("anna")));
    anna.act(json!({"act": "release", "policy": exports, "setting": "permits"})).await;
    anna.act(json!({"act": "release", "policy": images, "setting": "max_concurrent"})).await;
    assert_eq!(PRINTS.usage().expect("it is configured").limit + IMAGES.usage().expect("it is configured").limit, 22);
}

#[tokio::test]
async fn every_key_of_a_keyed_breaker_is_opened_and_closed() {
    static TENANTS: Keyed<CircuitBreaker> = CircuitBreaker::named("shops").keyed(10);
    assert!(TENANTS.admit("a").is_ok() && TENANTS.admit("b").is_ok());
    let anna = Anna::new().await;
    let policy = json!({"kind": "circuit_breaker", "name": "shops"});
    anna.act(json!({"act": "force_open", "policy": policy})).await;
    assert!(TENANTS.admit("a").is_err() && TENANTS.admit("new").is_err());
    let row = anna.part("policy/circuit_breaker/shops").await;
    assert_eq!(row["level"], "watch");
    anna.act(json!({"act": "close", "policy": policy})).await;
    assert!(TENANTS.admit("a").is_ok() && TENANTS.admit("new").is_ok());
    assert_eq!(anna.part("policy/circuit_breaker/shops").await["now"]["keys"]["busy"], 0);
}

struct Visa;
struct Paypal;

impl Visa {
    #[circuit_breaker]
    async fn charge() -> Result<(), Error> {
        Ok(())
    }
}

impl Paypal {
    #[circuit_breaker]
    async fn charge() -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test]
async fn of_two_at_one_path_the_one_that_is_named() {
    let (anna, path) = (Anna::new().await, concat!(module_path!(), "::charge"));
    let label = registry().settings().into_iter().find(|one| one.site == path).expect("it is known").label;
    let policy = anna.part(&format!("policy/circuit_breaker/{label}")).await["which"].clone();
    assert_eq!(policy, json!({"kind": "circuit_breaker", "name": null, "site": label}));
    assert_eq!(anna.part(&format!("function/{label}")).await["policies"][0]["which"], policy, "and at its function");
    anna.act(json!({"act": "force_open", "policy": policy})).await;
    let refused = [Visa::charge().await.is_err(), Paypal::charge().await.is_err()];
    assert_eq!(refused.iter().filter(|refused| **refused).count(), 1);
    anna.act(json!({"act": "close", "policy": policy})).await;
    assert!(Visa::charge().await.is_ok() && Paypal::charge().await.is_ok());
}

#[tokio::test]
async fn what_has_neither_name_nor_place_has_no_control() {
    static BY_HAND: CircuitBreaker = CircuitBreaker::unnamed();
    // Others make one as well.
    let _scope = resil::testing::isolated();
    assert!(BY_HAND.admit().is_ok());
    let row = Anna::new().await.part("policy/circuit_breaker/a policy made by hand").await;
    assert_eq!((&row["now"]["circuit"]["state"], &row["which"]), (&json!("closed"), &Value::Null));
}
