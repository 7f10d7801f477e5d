//! What comes out, as a table.

use crate::QUOTA;
use crate::process::Counts;

pub struct Table {
    pub seconds: u32,
    pub wanted: [u32; 8],
}

/// How many answers were 429.
pub fn refused(counts: &[Counts]) -> u32 {
    counts.iter().map(|one| one.refused).sum()
}

impl Table {
    pub fn begin(&self) {
        println!(
            "A partner with a quota of {QUOTA} calls a second, and a service of {} processes, for {} s each\n",
            self.wanted.len(),
            self.seconds
        );
        line("process", (1..=8).map(|number| number.to_string()), "all", "of the quota");
        let wanted: Vec<u32> = self.wanted.iter().map(|wanted| wanted * self.seconds).collect();
        Self::numbers("calls it has to make", &wanted, "");
    }

    /// What came of one way to keep to the quota.
    pub fn row(&self, how: &str, counts: &[Counts]) {
        let all = |of: fn(&Counts) -> u32| counts.iter().map(of).collect::<Vec<_>>();
        println!("\n{how}");
        let used = format!("{:.0} %", self.used(counts) * 100.0);
        Self::numbers("  got through", &all(|one| one.through), &used);
        Self::numbers("  answered 429", &all(|one| one.refused), "");
        Self::numbers("  held back here", &all(|one| one.held_back), "");
    }

    /// How much of the quota was used.
    pub fn used(&self, counts: &[Counts]) -> f64 {
        let through: u32 = counts.iter().map(|one| one.through).sum();
        f64::from(through) / f64::from(QUOTA * self.seconds)
    }

    fn numbers(what: &str, numbers: &[u32], last: &str) {
        let all: u32 = numbers.iter().sum();
        line(what, numbers.iter().map(u32::to_string), &all.to_string(), last);
    }
}

fn line(what: &str, cells: impl Iterator<Item = String>, all: &str, last: &str) {
    let cells = cells.fold(String::new(), |line, cell| format!("{line}{cell:>6}"));
    println!("{}", format!("{what:<22}{cells} |{all:>6}   {last}").trim_end());
}

/// What it means.
pub fn explain() {
    println!(
        "\n\
         nothing        the partner refuses what is too much, from whomever it comes\n\
         a limit each   {QUOTA}/8 in each process: what the idle ones do not use is lost to the busy one\n\
         one for all    each process leases what it uses: the busy one has what the others leave"
    );
}
