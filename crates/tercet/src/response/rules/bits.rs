//! Truth values of a block of customers as bits, 64 a word.

/// Sets bit `k` of a word for each of up to 64 rows for which `is` says so.
///
/// The answers are first written as bytes, which compilers turn into vector instructions, and then packed
/// eight at a time: in `bytes * 0x0102040810204080` the byte at place k, 0 or 1, arrives at bit 56 + k
/// without meeting another.
pub(crate) fn word(rows: usize, is: impl Fn(usize) -> bool) -> u64 {
    let mut bytes = [0_u8; 64];
    if rows == 64 {
        // A constant length lets the loop unroll.
        for (k, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from(is(k));
        }
    } else {
        for (k, byte) in bytes.iter_mut().enumerate().take(rows) {
            *byte = u8::from(is(k));
        }
    }
    let mut word = 0;
    for (k, eight) in bytes.chunks_exact(8).enumerate() {
        let mut part = [0_u8; 8];
        part.copy_from_slice(eight);
        let packed = u64::from_le_bytes(part).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= packed << (8 * k);
    }
    word
}

/// Fills words from rows; `is(values)` of every row.
pub(crate) fn fill<T: Copy>(words: &mut [u64], values: &[T], is: impl Fn(T) -> bool) {
    for (word, values) in words.iter_mut().zip(values.chunks(64)) {
        *word = if let Ok(all) = <&[T; 64]>::try_from(values) {
            self::word(64, |k| is(all[k]))
        } else {
            self::word(values.len(), |k| is(values[k]))
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_its_row() {
        for rows in [1, 7, 8, 63, 64, 65, 200] {
            let values: Vec<usize> = (0..rows).collect();
            let is = |k: usize| (k * k + k / 3) % 5 < 2;
            let mut words = vec![0; rows.div_ceil(64)];
            fill(&mut words, &values, is);
            for k in 0..words.len() * 64 {
                let bit = words[k / 64] >> (k % 64) & 1 == 1;
                assert_eq!(bit, k < rows && is(k), "{k} of {rows}");
            }
        }
    }
}
