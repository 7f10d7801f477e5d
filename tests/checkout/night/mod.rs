//! The shop at night, a real process: its settings are moved while it runs, its numbers are read, and it ends in order.

mod ended;
mod promql;
mod running;
mod settings;
mod watched;

use crate::Failed;

macro_rules! play {
    ($($part:path),+ $(,)?) => {{
        let mut all_well = true;
        $(
            let played = Box::pin($part()).await;
            let how = if played.is_ok() { "ok" } else { "FAILED" };
            println!("{} ... {how}", stringify!($part));
            if let Err(why) = played {
                println!("  VIOLATED: {why}");
                all_well = false;
            }
        )+
        all_well
    }};
}

pub async fn plays() -> Result<bool, Failed> {
    Ok(play!(
        settings::one_file_moves_every_setting,
        settings::a_half_written_file,
        settings::staging_differs_by_its_file,
        settings::reloads_under_load,
        watched::health_is_no_readiness,
        watched::operators_open_and_close_the_circuit,
        watched::board_and_alerts_name_what_is_there,
        watched::it_ends_in_order,
        ended::before_it_is_open,
        ended::at_once,
    ))
}
