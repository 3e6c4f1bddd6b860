//! The moments at which the process hands something to what outlives it.
//!
//! What a crash can leave behind is decided there and nowhere else, so that is where tests end the process.

/// What is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    /// A transaction, to the database.
    Commit,
    /// A request, to somebody outside.
    Call,
}

/// On which side of the crossing the process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

/// Is told of each crossing as it happens. In production nobody listens.
pub trait Checkpoints: Send + Sync {
    fn pass(&self, crossing: Crossing, side: Side);
}
