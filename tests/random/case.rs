//! A case: a cluster, what its hosts had before, and what happens to it. Pure data.

use proptest::prelude::*;

use crate::cluster::{Wanted, wanted};
use crate::operations::{Operation, operations};
use crate::weather::{Drift, drift};

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The cluster as it is wished at first.
    pub(crate) wanted: Wanted,
    /// What is on the hosts before mainstay comes: picks among all that will ever be declared.
    pub(crate) before: Vec<Drift>,
    /// What happens.
    pub(crate) operations: Vec<Operation>,
}

/// Any case.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    let before = prop_oneof![2 => Just(Vec::new()), 2 => prop::collection::vec(drift(), 1..6)];
    let operations = prop_oneof![
        6 => prop::collection::vec(operations(), 1..4),
        3 => prop::collection::vec(operations(), 4..9),
        1 => prop::collection::vec(operations(), 9..20),
    ];
    (wanted(), before, operations).prop_map(|(wanted, before, operations)| Case {
        wanted,
        before,
        operations: operations.concat(),
    })
}
