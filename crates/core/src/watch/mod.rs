pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod figures;
pub(crate) mod serving;
