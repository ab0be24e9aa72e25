//! The one in-memory picture that decoders fill, operations change and encoders read.

/// How samples are laid out. All samples are 8 bits, interleaved, rows without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// Ink amounts as printers count them: 0 is no ink, 255 full ink. Adobe's inversion is undone by the decoder.
    Cmyk,
}

impl Layout {
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    pub(crate) fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }
}

/// A picture: `data.len() == width * height * layout.channels()`. Alpha is straight, not premultiplied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) layout: Layout,
    pub(crate) data: Vec<u8>,
}

impl Pixels {
    /// A picture of zeros.
    pub(crate) fn zeroed(width: u32, height: u32, layout: Layout) -> Self {
        let data = vec![0; width as usize * height as usize * layout.channels()];
        Self { width, height, layout, data }
    }

    /// Wraps samples that a decoder filled. The length is checked.
    pub(crate) fn from_data(width: u32, height: u32, layout: Layout, data: Vec<u8>) -> Self {
        assert_eq!(data.len(), width as usize * height as usize * layout.channels(), "sample count");
        Self { width, height, layout, data }
    }

    /// Bytes in one row.
    pub(crate) fn stride(&self) -> usize {
        self.width as usize * self.layout.channels()
    }

    /// The samples of row `y`.
    pub(crate) fn row(&self, y: u32) -> &[u8] {
        let stride = self.stride();
        &self.data[y as usize * stride..][..stride]
    }
}
