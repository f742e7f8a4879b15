//! The numerics that everything else is made of. No result depends on the machine: sums have a fixed order, also where numbers are taken
//! four at a time, and what a processor may compute in its own way comes from `libm`.

pub(crate) mod lanes;
pub(crate) mod linear;
pub(crate) mod order;
pub(crate) mod random;
pub(crate) mod scalar;
