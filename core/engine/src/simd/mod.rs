//! Which vector instructions the processor has. Every kernel exists in plain Rust, which is also the oracle of the
//! tests, and for AVX2; the transforms of JPEG's blocks and the resampling of planes exist for NEON too. All give the same
//! bits. On other processors the plain one runs.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;

/// What may be used. A value with vectors exists only where the processor was asked and has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Simd {
    vectors: bool,
}

impl Simd {
    /// Plain Rust.
    #[cfg(test)]
    pub(crate) const SCALAR: Self = Self { vectors: false };

    /// The best that this processor has. The answer is kept by the standard library, so asking is cheap.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        let vectors = std::arch::is_x86_feature_detected!("avx2");
        #[cfg(target_arch = "aarch64")]
        let vectors = std::arch::is_aarch64_feature_detected!("neon");
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let vectors = false;
        Self { vectors }
    }

    /// Whether AVX2 is there.
    pub(crate) fn avx2(self) -> bool {
        self.vectors && cfg!(target_arch = "x86_64")
    }

    /// Whether NEON is there.
    #[cfg(target_arch = "aarch64")]
    pub(crate) fn neon(self) -> bool {
        self.vectors
    }
}
