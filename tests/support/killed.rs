//! A test that starts itself again and again: as the one that plays, and as those that die.

use std::env;

/// The arguments of the process that plays. `None` in one that has died by its orders, or has nothing to play.
pub fn to_play(orders: &str, dies: fn(&str)) -> Option<Vec<String>> {
    if let Ok(orders) = env::var(orders) {
        dies(&orders);
        return None;
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("kills: test");
        return None;
    }
    // It plays by what there is, and ignores nothing.
    let is_for_others = arguments.iter().any(|argument| argument == "--ignored");
    (!is_for_others).then_some(arguments)
}
