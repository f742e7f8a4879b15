//! The names of an enum's variants, each written once: as a text, from a text, and as what is expected where one is named.

/// Names the variants of an enum that `$setting` is of.
macro_rules! names {
    ($type:ident, $setting:literal: $first:ident = $name:literal $(, $more:ident = $named:literal)*) => {
        impl $type {
            /// All there are.
            pub const ALL: &'static [$type] = &[$type::$first $(, $type::$more)*];
            /// What is expected where one is named.
            pub(crate) const EXPECTED: &'static str = concat!("one of ", $name $(, ", ", $named)*);

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $type::$first => $name,
                    $($type::$more => $named,)*
                }
            }
        }

        impl core::str::FromStr for $type {
            type Err = crate::error::Fault;

            fn from_str(text: &str) -> Result<$type, crate::error::Fault> {
                match text {
                    $name => Ok($type::$first),
                    $($named => Ok($type::$more),)*
                    _ => Err(crate::error::Fault::of($setting, $type::EXPECTED, ["\"", text, "\""].concat().into())),
                }
            }
        }
    };
}

pub(crate) use names;
