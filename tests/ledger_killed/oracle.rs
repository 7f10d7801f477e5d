//! What must be so in the end, whatever died.

use crate::account::Account;
use crate::spec::{Body, Local, Skill, Spec};

/// Every violation, in words.
pub fn violations(spec: &Spec, state: Option<&str>, order: Option<(String, i64)>, account: &Account) -> Vec<String> {
    let mut all = Vec::new();
    let mut must = |what: &str, is_so: bool| {
        if !is_so {
            all.push(what.to_owned());
        }
    };
    must("one key for life", account.call_keys.len() <= 1);
    must("one key for its cancellation, for life", account.cancel_keys.len() <= 1);
    must("which is another", account.call_keys.is_disjoint(&account.cancel_keys));
    must("none for the status check", account.check_keys.is_empty());
    must("one key, one body", account.bodies.len() <= 1 || spec.body == Body::Fresh);
    must("no byte leaves before CALLING is durable", account.unannounced == 0);
    must("the effect is once at most", account.applied <= 1);
    must("the order and its intent are recorded together", state.is_some() == order.is_some());
    let (books, changes) = order.unwrap_or_default();
    let is_in_books = |state: &str| (&*books, changes) == (state, 1);
    match state {
        None => must("nothing is called without an intent", account.calls == 0),
        Some("APPLIED") => {
            must("APPLIED exactly when the business write was committed, once", is_in_books("paid"));
            must("APPLIED only if the partner has applied it", account.applied == 1 && !account.cancelled);
        }
        Some("REJECTED") => {
            must("REJECTED is undone in our books, once", is_in_books("failed"));
            must("REJECTED only if it was certainly not applied", account.applied == 0);
        }
        Some("COMPENSATED") => {
            must("COMPENSATED is undone in our books, once", is_in_books("failed"));
            must("COMPENSATED only if nothing is left of it", account.applied == 0 || account.cancelled);
            must("COMPENSATED only if our books have refused it", spec.local == Local::Refuses);
        }
        Some("MANUAL") => {
            must("MANUAL leaves our books alone", (&*books, changes) == ("pending", 0));
            // Who neither recognises a repeat nor can be asked leaves one attempt in doubt; who cannot cancel, a refusal.
            let knows = match spec.skill {
                Skill::Deduplicates => spec.recognises_repeats(),
                Skill::Status => true,
                Skill::Neither => false,
            };
            must("MANUAL only where nobody can know", !knows);
            let in_doubt = account.calls - account.turned_away;
            must("one attempt in doubt", spec.skill != Skill::Neither || in_doubt <= 1);
        }
        Some(_) => must("every intent ends", false),
    }
    if spec.local == Local::Refuses && spec.skill != Skill::Neither && state != Some("MANUAL") {
        must("what our books refuse is not left with the partner", account.applied == 0 || account.cancelled);
    }
    all
}
