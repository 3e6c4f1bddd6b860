//! The figures of `bench match`, for people and for programs, beside what they are to reach.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::floor::FloorRound;
use super::matching::{Request, Round, Size};
use super::stats::{Ratio, median, per_second};

/// The match of one movement may take so much longer at the largest size than at the smallest.
const GROWTH_MAX: Ratio = Ratio::thousandths(1_500);
/// So much of the floor's speed is to be reached: one movement per commit, and a batch per commit.
const FLOOR_ONE_MIN: Ratio = Ratio::thousandths(600);
const FLOOR_BATCH_MIN: Ratio = Ratio::thousandths(500);

/// One figure and what it is measured against.
struct Goal {
    what: String,
    ratio: Ratio,
    limit: Ratio,
    is_met: bool,
}

impl Goal {
    fn at_most(what: String, ratio: Ratio, limit: Ratio) -> Self {
        Self { what, ratio, limit, is_met: ratio <= limit }
    }

    fn at_least(what: String, ratio: Ratio, limit: Ratio) -> Self {
        Self { what, ratio, limit, is_met: ratio >= limit }
    }

    fn json(&self) -> Value {
        json!({ "goal": self.what, "ratio": self.ratio.json(), "limit": self.limit.json(), "met": self.is_met })
    }
}

pub(super) fn print(sizes: &[Size], request: &Request) -> anyhow::Result<()> {
    let growth = growth(sizes);
    let mut goals = Vec::new();
    if let Some(growth) = &growth {
        let ratio = Ratio::median(growth.iter().copied());
        goals.push(Goal::at_most("growth of the match, largest to smallest".to_owned(), ratio, GROWTH_MAX));
    }
    for size in sizes {
        goals.extend(floor_goals(size));
    }
    let engine = if request.place.database_url.is_some() { "PostgreSQL" } else { "SQLite" };
    let mut out = io::stdout();
    if request.json {
        let summary = json!({
            "bench": "match", "unit": "us", "engine": engine, "pairs": request.pairs, "movements": request.movements,
            "sizes": sizes.iter().map(size_json).collect::<Vec<_>>(),
            "growth": growth.map(|pairs| json!({
                "median": Ratio::median(pairs.iter().copied()).json(),
                "pairs": pairs.iter().map(|ratio| ratio.json()).collect::<Vec<_>>(),
            })),
            "goals": goals.iter().map(Goal::json).collect::<Vec<_>>(),
        });
        writeln!(out, "{summary}")?;
        return Ok(());
    }
    let (pairs, movements) = (request.pairs, request.movements);
    writeln!(out, "{engine}, {pairs} rounds of {movements} movements, sizes in turns after a warm-up; medians in µs")?;
    for size in sizes {
        write_size(&mut out, size)?;
    }
    if let Some(growth) = &growth {
        let pairs: Vec<String> = growth.iter().map(ToString::to_string).collect();
        writeln!(out, "growth of the match per pair: {}", pairs.join("  "))?;
    }
    let verdict = |goal: &Goal| {
        format!("{} {} (goal {}): {}", goal.what, goal.ratio, goal.limit, if goal.is_met { "met" } else { "MISSED" })
    };
    let verdicts: Vec<String> = goals.iter().map(verdict).collect();
    writeln!(out, "goals: {}", verdicts.join("; "))?;
    Ok(())
}

/// Per pair, the match at the last size over the match at the first; `None` where there is only one size.
fn growth(sizes: &[Size]) -> Option<Vec<Ratio>> {
    let [first, .., last] = sizes else { return None };
    let pairs = first.rounds.iter().zip(&last.rounds);
    Some(pairs.map(|(small, large)| Ratio::of(large.matching.p50, small.matching.p50)).collect())
}

/// The floor's time over ours, the median of the rounds; `None` where there is no floor.
fn against_floor(size: &Size, ratio: impl Fn(&Round, &FloorRound) -> Ratio) -> Option<Ratio> {
    let ratios: Option<Vec<Ratio>> =
        size.rounds.iter().map(|round| round.floor.as_ref().map(|floor| ratio(round, floor))).collect();
    ratios.map(|ratios| Ratio::median(ratios.into_iter()))
}

fn one_matching(round: &Round, floor: &FloorRound) -> Ratio {
    Ratio::of(floor.one.p50, round.matching.p50)
}

fn one_both(round: &Round, floor: &FloorRound) -> Ratio {
    Ratio::of(floor.one.p50, round.both.p50)
}

fn batch_matching(round: &Round, floor: &FloorRound) -> Ratio {
    Ratio::of(floor.batch, round.batch_matching)
}

fn batch_both(round: &Round, floor: &FloorRound) -> Ratio {
    Ratio::of(floor.batch, round.batch_both)
}

/// Judged by the match alone: the floor's one commit stands beside the one commit of the decision.
fn floor_goals(size: &Size) -> Vec<Goal> {
    let at = format!("of the floor at {} open", size.open);
    let one = against_floor(size, one_matching);
    let batch = against_floor(size, batch_matching);
    let one = one.map(|ratio| Goal::at_least(format!("the match {at}"), ratio, FLOOR_ONE_MIN));
    let what = format!("the match of {} {at}", size.batch);
    one.into_iter().chain(batch.map(|ratio| Goal::at_least(what, ratio, FLOOR_BATCH_MIN))).collect()
}

fn middle(size: &Size, figure: impl Fn(&Round) -> i64) -> i64 {
    median(size.rounds.iter().map(figure))
}

fn size_json(size: &Size) -> Value {
    let ratio = |of: fn(&Round, &FloorRound) -> Ratio| against_floor(size, of).map(Ratio::json);
    let floor = |figure: fn(&FloorRound) -> i64| {
        let rounds: Option<Vec<i64>> = size.rounds.iter().map(|round| round.floor.as_ref().map(figure)).collect();
        rounds.map(|values| median(values.into_iter()))
    };
    json!({
        "open": size.open,
        "matched": size.matched,
        "match": {
            "p50": middle(size, |round| round.matching.p50), "p99": middle(size, |round| round.matching.p99),
        },
        "ingest_and_match": {
            "p50": middle(size, |round| round.both.p50), "p99": middle(size, |round| round.both.p99),
        },
        "movements_per_second": middle(size, |round| round.per_second),
        "batch": {
            "movements": size.batch,
            "match": middle(size, |round| round.batch_matching),
            "ingest_and_match": middle(size, |round| round.batch_both),
            "movements_per_second": middle(size, |round| per_second(i64::from(size.batch), round.batch_both)),
        },
        "floor": {
            "one": floor(|floor| floor.one.p50),
            "batch": floor(|floor| floor.batch),
            "match": ratio(one_matching),
            "ingest_and_match": ratio(one_both),
            "batch_match": ratio(batch_matching),
            "batch_ingest_and_match": ratio(batch_both),
        },
    })
}

fn write_size(out: &mut impl Write, size: &Size) -> anyhow::Result<()> {
    let batch = size.batch;
    let show = |ratio: Option<Ratio>| match ratio {
        Some(ratio) => format!("{ratio} of the floor"),
        None => "no floor".to_owned(),
    };
    writeln!(out, "{} open orders", size.open)?;
    writeln!(
        out,
        "  match                 p50 {:>7}  p99 {:>7}   {}",
        middle(size, |round| round.matching.p50),
        middle(size, |round| round.matching.p99),
        show(against_floor(size, one_matching)),
    )?;
    writeln!(
        out,
        "  ingest and match      p50 {:>7}  p99 {:>7}   {}   {} movements/s",
        middle(size, |round| round.both.p50),
        middle(size, |round| round.both.p99),
        show(against_floor(size, one_both)),
        middle(size, |round| round.per_second),
    )?;
    writeln!(
        out,
        "  match of {batch:<3}          p50 {:>7}                {}",
        middle(size, |round| round.batch_matching),
        show(against_floor(size, batch_matching)),
    )?;
    writeln!(
        out,
        "  ingest and match, {batch:<3} p50 {:>7}                {}   {} movements/s",
        middle(size, |round| round.batch_both),
        show(against_floor(size, batch_both)),
        middle(size, |round| per_second(i64::from(batch), round.batch_both)),
    )?;
    if let Some(floors) = size.rounds.iter().map(|round| round.floor.as_ref()).collect::<Option<Vec<_>>>() {
        let one = median(floors.iter().map(|floor| floor.one.p50));
        let many = median(floors.iter().map(|floor| floor.batch));
        writeln!(out, "  floor, one            p50 {one:>7}")?;
        writeln!(out, "  floor, {batch:<3}            p50 {many:>7}")?;
    }
    Ok(())
}
