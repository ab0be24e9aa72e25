//! The numbers that the forward and the inverse 8-point transform of JPEG share: Loeffler, Ligtenberg and Moschytz's
//! with 13-bit constants, its products written as sums.

/// Fraction bits of the constants, and of what lies between the passes.
pub(crate) const CONST_BITS: u32 = 13;
pub(crate) const PASS_BITS: u32 = 2;

/// Of the inverse transform, for each pair of inputs (2, 6) the even sums, from the outer to the inner. Of the forward
/// one, the outputs 2 and 6 from the differences of the outer and the inner sums.
pub(crate) const EVEN: [[i16; 2]; 2] = [[10_703, 4433], [4433, -10_704]];

/// Of the inverse transform, for inputs 1, 3, 5, 7 the odd sums, from the outer to the inner. Of the forward one, the
/// outputs 1, 3, 5, 7 from the differences of the inputs 0-7, 1-6, 2-5, 3-4.
pub(crate) const ODD: [[i16; 4]; 4] = [
    [11_363, 9633, 6437, 2260],
    [9633, -2259, -11_362, -6436],
    [6437, -11_362, 2261, 9633],
    [2260, -6436, 9633, -11_363],
];
