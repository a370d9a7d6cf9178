//! A set of bins of a feature.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which bins of a feature are meant: a bit each. In a file a list of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::response) struct BinSet([u64; 4]);

impl BinSet {
    pub(in crate::response) const NONE: Self = Self([0; 4]);

    /// The bins from one to another one, both included.
    pub(super) fn range(low: u8, high: u8) -> Self {
        let mut set = Self::NONE;
        (low..=high).for_each(|bin| set.put(bin));
        set
    }

    /// The first bins.
    pub(in crate::response) fn first(count: usize) -> Self {
        let mut set = Self::NONE;
        (0..=u8::MAX).take(count).for_each(|bin| set.put(bin));
        set
    }

    #[inline]
    pub(in crate::response) fn has(self, bin: u8) -> bool {
        self.0[usize::from(bin >> 6)] >> (bin & 63) & 1 == 1
    }

    pub(in crate::response) fn put(&mut self, bin: u8) {
        self.0[usize::from(bin >> 6)] |= 1 << (bin & 63);
    }

    /// The bins of both.
    pub(in crate::response) fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|k| self.0[k] & other.0[k]))
    }

    /// The bins of this one that are not in the other one.
    pub(in crate::response) fn but(self, other: Self) -> Self {
        Self(std::array::from_fn(|k| self.0[k] & !other.0[k]))
    }

    /// The bins, the lowest first.
    pub(in crate::response) fn bins(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |&bin| self.has(bin))
    }
}

impl Serialize for BinSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.bins())
    }
}

impl<'de> Deserialize<'de> for BinSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut set = Self::NONE;
        let bins = Vec::<u8>::deserialize(deserializer)?;
        for bin in bins {
            set.put(bin);
        }
        Ok(set)
    }
}
