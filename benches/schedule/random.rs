//! Random numbers that are the same on every machine, from a seed (`SplitMix64`).

#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From `low` up to but not including `high`.
    pub(crate) fn below(&mut self, low: usize, high: usize) -> usize {
        let span = u64::try_from(high - low).expect("it fits");
        low + usize::try_from(self.next() % span).expect("it fits")
    }

    /// From 0 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).expect("32 bits")) / f64::from(u32::MAX)
    }

    /// Between 1/`spread` and `spread`, as often below 1 as above.
    pub(crate) fn factor(&mut self, spread: f64) -> f64 {
        spread.powf(2.0 * self.unit() - 1.0)
    }

    /// True in `percent` of all cases.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(0, 100) < percent
    }
}
