//! What operators do by hand, beside what files say.

use crate::support::{Files, value};
use resil::config::Configuration;
use resil::{CircuitBreaker, CircuitState, Error, Verdict, circuit_breaker, operator, registry};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn what_they_do_does_not_hide_that_settings_were_refused() {
    let _scope = resil::testing::isolated();
    CircuitBreaker::named("beside").snapshot().unwrap();
    let files = Files::new("");
    files.configuration().apply().unwrap();
    files.write("resil.toml", "[circuit_breaker.by_name.beside]\nmode = 'opn'\n");
    let refused = Some(resil::reload().unwrap_err().to_string());
    let anna = operator("anna").lasting(Duration::from_secs(60));
    anna.set("circuit_breaker.by_name.beside.mode", "forced_open").unwrap();
    assert_eq!(registry().configuration().last_error, refused, "set");
    anna.release("circuit_breaker.by_name.beside.mode").unwrap();
    assert_eq!(registry().configuration().last_error, refused, "released");
    anna.close("circuit_breaker.by_name.beside").unwrap();
    assert_eq!(registry().configuration().last_error, refused, "closed");
    anna.set("circuit_breaker.by_name.beside.open_for", "7s").unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(value("circuit_breaker", "beside", "open_for"), "30s");
    assert_eq!(registry().configuration().last_error, refused, "ended");
    files.write("resil.toml", "");
    resil::reload().unwrap();
    assert_eq!(registry().configuration().last_error, None);
}

#[tokio::test(start_paused = true)]
async fn a_contradiction_that_one_left_behind_locks_nothing() {
    let _scope = resil::testing::isolated();
    for name in ["contradicted", "another"] {
        CircuitBreaker::named(name).snapshot().unwrap();
    }
    let files = Files::new("");
    files.configuration().apply().unwrap();
    let of = |setting: &str| format!("circuit_breaker.by_name.contradicted.{setting}");
    operator("anna").lasting(Duration::from_secs(600)).set(&of("slow_call"), "2s").unwrap();
    operator("bert").set(&of("slow_rate"), "0.3").unwrap();
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(value("circuit_breaker", "contradicted", "slow_call"), "none");

    operator("bert").set("circuit_breaker.by_name.another.mode", "forced_open").unwrap();
    files.write("resil.toml", "[circuit_breaker.by_name.another]\nopen_for = '7s'\n");
    resil::reload().unwrap();
    assert_eq!(value("circuit_breaker", "another", "open_for"), "7s");
    // What is new is refused as ever, and the way out is open.
    let new = operator("bert").set("circuit_breaker.by_name.another.slow_rate", "0.3").unwrap_err();
    assert!(new.problems().len() == 1 && new.to_string().contains("another"), "{new}");
    files.write("resil.toml", "[circuit_breaker.by_name.another]\nslow_rate = 0.3\n");
    assert_eq!(resil::reload().unwrap_err().problems().len(), 1);
    operator("bert").release(&of("slow_rate")).unwrap();
}

#[test]
fn closing_leaves_a_mode_from_elsewhere_in_force() {
    let _scope = resil::testing::isolated();
    let breaker = CircuitBreaker::named("elsewhere");
    let now = || breaker.snapshot().unwrap();
    let (of, anna) = ("circuit_breaker.by_name.elsewhere", operator("anna"));
    let mode = |mode: &str| {
        let all = Configuration::new().environment::<&str, &str>([]);
        all.set(format!("{of}.mode"), mode).apply().unwrap();
    };
    assert_eq!(now().state, CircuitState::Closed);
    for (word, state) in [("disabled", CircuitState::Disabled), ("observe", CircuitState::Observing)] {
        mode(word);
        anna.close(of).unwrap();
        assert_eq!(now().state, state);
        anna.set(&format!("{of}.mode"), "forced_open").unwrap();
        assert_eq!(now().state, CircuitState::ForcedOpen);
        anna.close(of).unwrap();
        assert_eq!((now().state, value("circuit_breaker", "elsewhere", "mode")), (state, word.to_owned()));
    }
    breaker.admit().unwrap().record(Some(Verdict::permanent()));
    assert_eq!(now().failures, 1);
    anna.close(of).unwrap();
    assert_eq!((now().state, now().failures), (CircuitState::Observing, 0), "its calls are forgotten");

    mode("forced_open");
    let refused = anna.close(of).unwrap_err().to_string();
    assert!(refused.contains("code") && refused.contains("`mode`"), "who says so, and what to do: {refused}");
    assert_eq!(now().state, CircuitState::ForcedOpen);

    // Another mode that was set by hand is taken back by name.
    anna.set(&format!("{of}.mode"), "normal").unwrap();
    anna.close(of).unwrap();
    assert_eq!(
        (now().state, value("circuit_breaker", "elsewhere", "mode")),
        (CircuitState::Closed, "normal".to_owned())
    );
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
async fn of_two_at_one_path_the_line_says_which() {
    let _scope = resil::testing::isolated();
    let path = format!("{}::charge", module_path!());
    let settings = registry().settings();
    let mut labels: Vec<_> = settings.iter().filter(|one| one.site == path).map(|one| one.label).collect();
    // By line.
    labels.sort_by_key(|label| (label.len(), *label));
    let [visa, paypal] = labels[..] else { panic!("{labels:?}") };
    let mode = |site: &str| format!("circuit_breaker.by_site.\"{site}\".mode");
    let anna = operator("anna");

    let refused = anna.set(&mode(&path), "forced_open").unwrap_err().to_string();
    assert!(refused.contains(visa) && refused.contains(paypal), "{refused}");
    assert!(Visa::charge().await.is_ok() && Paypal::charge().await.is_ok());
    anna.set(&mode(visa), "forced_open").unwrap();
    assert!(Visa::charge().await.is_err() && Paypal::charge().await.is_ok());
    anna.close(mode(visa).trim_end_matches(".mode")).unwrap();
    assert!(Visa::charge().await.is_ok());
    assert_eq!(value("circuit_breaker", visa, "mode"), "normal");

    // A file may mean both, or one.
    let open_for = |site: &str, time: &str| format!("[circuit_breaker.by_site.\"{site}\"]\nopen_for = '{time}'\n");
    let files = Files::new(&(open_for(&path, "7s") + &open_for(paypal, "8s")));
    files.configuration().apply().unwrap();
    let both = [visa, paypal].map(|label| value("circuit_breaker", label, "open_for"));
    assert_eq!(both, ["7s", "8s"]);
}

#[circuit_breaker]
async fn alone() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn one_is_the_same_by_its_path_and_with_its_line() {
    let _scope = resil::testing::isolated();
    let path = format!("{}::alone", module_path!());
    let label = registry().settings().into_iter().find(|one| one.site == path).unwrap().label;
    operator("anna").set(&format!("circuit_breaker.by_site.\"{path}\".mode"), "forced_open").unwrap();
    assert!(alone().await.is_err());
    operator("bert").release(&format!("circuit_breaker.by_site.\"{label}\".mode")).unwrap();
    assert!(alone().await.is_ok(), "a probe");
}

#[test]
fn what_has_neither_name_nor_place_is_not_set_by_hand() {
    let _scope = resil::testing::isolated();
    let breakers = [CircuitBreaker::unnamed(), CircuitBreaker::unnamed()];
    assert!(breakers.iter().all(|one| one.snapshot().is_ok()));
    for refused in [
        operator("anna").set("circuit_breaker.by_site.\"a policy made by hand\".mode", "forced_open").unwrap_err(),
        operator("anna").close("circuit_breaker.by_site.\"a policy made by hand\"").unwrap_err(),
    ] {
        assert!(refused.to_string().contains("give it a name"), "{refused}");
    }
    assert!(breakers.iter().all(|one| one.admit().is_ok()));
}
