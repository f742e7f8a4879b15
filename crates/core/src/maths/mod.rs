pub(crate) mod lanes;
pub(crate) mod linear;
pub(crate) mod order;
pub(crate) mod random;
pub(crate) mod scalar;
