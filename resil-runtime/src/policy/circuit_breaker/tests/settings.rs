use std::time::Duration;

use super::super::{Invalid, Settings, Window};

fn messages(settings: Settings) -> Vec<String> {
    settings.validate().err().map_or_else(Vec::new, |Invalid { messages }| messages)
}

#[test]
fn the_defaults_are_valid_and_a_small_window_caps_the_default_of_twenty_calls() {
    assert_eq!(messages(Settings::new()), [""; 0]);
    assert_eq!(Settings::default(), Settings::new());
    let small = Settings { window: Window::Calls(10), ..Settings::new() };
    assert_eq!((messages(small).len(), small.enough_calls()), (0, 10));
}

#[test]
fn every_value_that_makes_no_sense_has_a_message_that_names_it() {
    let good = Settings::new();
    let zero = Duration::ZERO;
    let cases = [
        (Settings { window: Window::Calls(0), ..good }, "`window = 0`"),
        (Settings { window: Window::Calls(65_537), ..good }, "`window = 65537`"),
        (Settings { window: Window::Time(zero), ..good }, "`window = \"0s\"`"),
        (Settings { min_calls: 0, ..good }, "`min_calls = 0`"),
        (Settings { min_calls: 101, ..good }, "`min_calls = 101`"),
        (Settings { failure_rate: -1.0, ..good }, "`failure_rate = -1.0`"),
        (Settings { failure_rate: -0.1, ..good }, "`failure_rate = -0.1`"),
        (Settings { failure_rate: 1.1, ..good }, "`failure_rate = 1.1`"),
        (Settings { failure_rate: 0.0, ..good }, "`failure_rate = 0.0`"),
        (Settings { failure_rate: f64::NAN, ..good }, "`failure_rate = NaN`"),
        (Settings { slow_rate: 50.0, ..good }, "`slow_rate = 50.0`"),
        (Settings { slow_call: Some(zero), ..good }, "`slow_call = \"0s\"`"),
        (Settings { open_for: zero, ..good }, "`open_for = \"0s\"`"),
        (Settings { open_factor: 0.9, ..good }, "`open_factor = 0.9`"),
        (Settings { open_factor: f64::INFINITY, ..good }, "`open_factor = inf`"),
        (Settings { open_factor: 2.0, open_max: Duration::from_secs(29), ..good }, "`open_max = 29s`"),
        (Settings { half_open_calls: 0, ..good }, "`half_open_calls = 0`"),
        (Settings { half_open_max_wait: zero, ..good }, "`half_open_max_wait = \"0s\"`"),
    ];
    for (settings, named) in cases {
        let messages = messages(settings);
        assert_eq!(messages.len(), 1, "{named}: {messages:?}");
        assert!(messages[0].starts_with(named) && messages[0].contains("write"), "{messages:?}");
    }
}

#[test]
fn all_mistakes_are_listed_at_once() {
    let settings = Settings { min_calls: 0, failure_rate: f64::NAN, half_open_calls: 0, ..Settings::new() };
    assert_eq!(messages(settings).len(), 3);
    assert_eq!(settings.validate().map_err(|invalid| invalid.to_string().lines().count()), Err(3));
}

#[test]
fn an_open_max_below_open_for_matters_only_if_open_for_grows() {
    let settings = Settings { open_for: Duration::from_hours(1), ..Settings::new() };
    assert_eq!(settings.validate(), Ok(()));
    assert_eq!(messages(Settings { open_factor: 1.5, ..settings }).len(), 1);
}
