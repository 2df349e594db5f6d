//! The image in which tests run when nobody names one.

/// What happens while an image is being made available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageProgress {
    /// An image is being pulled from a registry; the text is the registry's own.
    Pulling {
        /// The image.
        image: String,
        /// Which layer is at what.
        detail: String,
    },
    /// A base image is being built from distribution packages.
    Building {
        /// The image.
        image: String,
        /// The step the tool reports.
        detail: String,
    },
    /// The image is there.
    Ready {
        /// The image.
        image: String,
    },
}
