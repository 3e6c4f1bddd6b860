//! `reconbanker demo`: plays scenarios at the terminal and checks how they end.

use std::io::{self, Write};

use super::scenario::{Scenario, play};
use super::stage::{EMAIL, PASSWORD, Stage};
use crate::config::Settings;

/// What `demo` was asked for.
#[derive(Debug)]
pub struct Request {
    pub scenarios: Vec<Scenario>,
    /// End when the scenarios have; otherwise the last stage stays up to be looked at.
    pub once: bool,
}

/// Plays; the error says which scenario failed, and why.
pub async fn run(settings: &Settings, request: &Request) -> anyhow::Result<()> {
    let last = request.scenarios.len().saturating_sub(1);
    for (index, scenario) in request.scenarios.iter().enumerate() {
        line(&format!("── {scenario}"))?;
        let mut stage = Stage::set_up(settings).await?;
        let since = stage.since;
        let say = |text: &str| {
            // A closed terminal must not end the demo; its result is the exit code.
            let _ = line(&format!("{:>7.2} s  {text}", since.elapsed().as_secs_f64()));
        };
        let played = tokio::select! {
            played = play(*scenario, &mut stage, &say) => played,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        };
        let took = since.elapsed();
        if let Err(error) = played {
            stage.tear_down().await;
            return Err(error.context(format!("scenario {scenario} failed")));
        }
        line(&format!("ok: {scenario} ended as it should, {:.1} s after its start", took.as_secs_f64()))?;
        if index == last && !request.once {
            stay(&stage).await?;
        }
        stage.tear_down().await;
    }
    Ok(())
}

/// Prints where to look, and waits for Ctrl-C.
async fn stay(stage: &Stage) -> anyhow::Result<()> {
    line("")?;
    line("Everything stays up. Where to look:")?;
    line(&format!("  demo world   {}   add movements and orders, see the webhooks", stage.world.control))?;
    line(&format!("  Banco Demo   {}login   document 48765432, password demo", stage.world.bank))?;
    line(&format!("  the shop     {}", stage.world.shop))?;
    line(&format!("  the API      {}/docs   sign in as {EMAIL}, password \"{PASSWORD}\"", stage.app.url()))?;
    line(&format!("  data         {}", stage.data_dir.display()))?;
    line("Press Ctrl-C to stop.")?;
    tokio::signal::ctrl_c().await?;
    line("stopping")?;
    Ok(())
}

pub(super) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}
