pub(crate) mod event;
pub(crate) mod fm;
pub(crate) mod gathered;
pub(crate) mod overlay;
pub(crate) mod personal;
pub(crate) mod posterior;
pub(crate) mod prediction;
