//! The yardstick of `bench match`: the floor's raw statements on as many orders, timed in the same rounds.

use std::path::Path;
use std::time::Instant;

use anyhow::ensure;

use super::shop::Shop;
use super::stats::{Quantiles, median, micros, quantiles};
use crate::store::floor::{Floor, FloorRow};

pub(super) struct Yardstick {
    floor: Floor,
    shop: Shop,
    /// The place whose order is paid next.
    next: u64,
}

/// One round's figures, in microseconds.
pub(super) struct FloorRound {
    /// Of commits of one movement each.
    pub one: Quantiles,
    /// The median commit of a batch.
    pub batch: i64,
}

impl Yardstick {
    /// Makes the tables and fills them.
    pub async fn load(file: &Path, shop: Shop) -> anyhow::Result<Self> {
        let floor = Floor::create(file).await?;
        floor.add_orders((0..shop.places()).map(|place| shop.floor_row(place))).await?;
        Ok(Self { floor, shop, next: 0 })
    }

    pub async fn round(&mut self, movements: u32, batches: u32, batch: u32) -> anyhow::Result<FloorRound> {
        let mut one = Vec::new();
        for _ in 0..movements {
            one.push(self.pay(1).await?);
        }
        let mut many = Vec::new();
        for _ in 0..batches {
            many.push(self.pay(batch).await?);
        }
        Ok(FloorRound { one: quantiles(one), batch: median(many.into_iter()) })
    }

    /// Matches so many movements in one commit; how long it took. What was paid is asked for again afterwards.
    async fn pay(&mut self, count: u32) -> anyhow::Result<i64> {
        let rows: Vec<FloorRow> = (0..u64::from(count))
            .map(|offset| self.shop.floor_row((self.next + offset) % self.shop.places()))
            .collect();
        self.next += u64::from(count);
        let started = Instant::now();
        let matched = self.floor.match_all(&rows).await?;
        let took = started.elapsed();
        ensure!(matched == rows.len(), "the floor matched {matched} of {} movements", rows.len());
        self.floor.add_orders(rows.into_iter()).await?;
        Ok(micros(took))
    }

    pub async fn close(self) {
        self.floor.close().await;
    }
}
