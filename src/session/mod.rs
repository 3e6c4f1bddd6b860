//! What lives only as long as a bank's session: the requests that a person has to answer meanwhile.

pub mod assistance;
