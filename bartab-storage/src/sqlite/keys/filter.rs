//! Says of most keys, without a look at the disk, that they are not in the index.

/// A Bloom filter of growing parts: no part is ever made again, and a small tenant pays for a small one.
#[derive(Default)]
pub(super) struct Filter {
    parts: Vec<Part>,
}

struct Part {
    /// Blocks of 512 bits, a cache line each: one key touches one block of each part.
    blocks: Vec<[u64; 8]>,
    room: usize,
}

/// How many bits of a block a key sets; with 12 bits a key about 1 in 200 is taken for known wrongly.
const BITS: u32 = 6;
/// How many keys fill a block.
const KEYS_PER_BLOCK: usize = 42;
/// Blocks of the first part, 6 KiB; each further one is four times as large, up to the last.
const FIRST: usize = 96;
const LAST: usize = 4_096;
/// The most blocks of all parts, 2 MiB.
const TOTAL: usize = 32_768;

impl Filter {
    /// How many keys fit.
    pub(super) const MOST: u64 = (TOTAL * KEYS_PER_BLOCK) as u64;

    /// Adds a key; `false` when the filter is full and of no more use.
    pub(super) fn insert(&mut self, hash: u64) -> bool {
        if self.parts.last().is_none_or(|part| part.room == 0) {
            let next = self.parts.last().map_or(FIRST, |part| (part.blocks.len() * 4).min(LAST));
            let held: usize = self.parts.iter().map(|part| part.blocks.len()).sum();
            if held + next > TOTAL {
                return false;
            }
            self.parts.push(Part { blocks: vec![[0; 8]; next], room: next * KEYS_PER_BLOCK });
        }
        if let Some(part) = self.parts.last_mut() {
            part.insert(hash);
        }
        true
    }

    /// Whether the key may have been added; `false` is certain.
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        self.parts.iter().any(|part| part.may_hold(hash))
    }
}

impl Part {
    /// The upper half picks the block, the lower one the bits in it.
    fn block(&self, hash: u64) -> usize {
        (((hash >> 32) * self.blocks.len() as u64) >> 32) as usize
    }

    fn insert(&mut self, hash: u64) {
        let index = self.block(hash);
        if let Some(block) = self.blocks.get_mut(index) {
            mask(hash).iter().zip(block).for_each(|(mask, word)| *word |= mask);
        }
        self.room -= 1;
    }

    fn may_hold(&self, hash: u64) -> bool {
        let block = self.blocks.get(self.block(hash));
        block.is_some_and(|block| mask(hash).iter().zip(block).all(|(mask, word)| word & mask == *mask))
    }
}

fn mask(hash: u64) -> [u64; 8] {
    let mut mask = [0; 8];
    // The lower half alone has too few bits for six places of 512: spread it first.
    let mut places = u64::from(hash as u32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    places ^= places >> 29;
    for _ in 0..BITS {
        mask[(places >> 6) as usize & 7] |= 1 << (places & 63);
        places >>= 9;
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartab_core::SeededRandom;

    #[test]
    fn what_was_added_is_held_and_little_else() {
        let random = SeededRandom::new(7);
        let mut filter = Filter::default();
        let added: Vec<u64> = (0..200_000).map(|_| random.next_u64()).collect();
        assert!(added.iter().all(|hash| filter.insert(*hash)));
        assert!(added.iter().all(|hash| filter.may_hold(*hash)));
        let wrong = (0..100_000).filter(|_| filter.may_hold(random.next_u64())).count();
        assert!(wrong < 4_000, "{wrong} of 100000");
    }

    #[test]
    fn a_full_filter_says_so() {
        let random = SeededRandom::new(7);
        let mut filter = Filter::default();
        let held = (0..=Filter::MOST).take_while(|_| filter.insert(random.next_u64())).count() as u64;
        assert!(held > Filter::MOST / 2 && held <= Filter::MOST, "{held}");
    }
}
