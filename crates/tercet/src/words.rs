//! Enums that are chosen by a word.

/// `FromStr` for enums of a few words.
macro_rules! from_words {
    ($type:ident, $name:literal, $first:literal => $first_arm:ident $(, $word:literal => $arm:ident)+) => {
        impl std::str::FromStr for $type {
            type Err = $crate::error::Error;

            fn from_str(text: &str) -> $crate::error::Result<Self> {
                match text {
                    $first => Ok(Self::$first_arm),
                    $($word => Ok(Self::$arm),)+
                    _ => Err($crate::error::Error::parameter(
                        $name,
                        format!("{text:?}"),
                        concat!("one of \"", $first, "\"" $(, ", \"", $word, "\"")+),
                    )),
                }
            }
        }
    };
}
