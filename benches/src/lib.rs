//! A small harness that measures whole calls side by side: every round runs every case, so that a drift of the
//! machine hits all alike, and what counts are the ratios within one run.
//!
//! Each mode of the program (metrics on, settings in force) is a process of its own, because neither can be taken back.
//! Only one of them runs at a time.

mod case;
mod children;
mod instructions;
mod machine;
mod report;
mod rounds;
mod row;

pub use case::{Case, Outcome, Tally, asked, case};
pub use children::serve;
pub use instructions::check as check_instructions;
pub use report::{Entry, publish, tables};
pub use rounds::{compare, once};
pub use row::{Mode, Row, Target};
