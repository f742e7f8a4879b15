pub(crate) mod lanes;
pub(crate) mod order;
pub(crate) mod random;
pub(crate) mod scalar;
