//! The image in which tests run when nobody names one: found, pulled, or built from distribution packages.
//!
//! The recipe is a file of `deploy/images`, embedded. What is made is tagged with the recipe's digest and used again by later
//! runs, so a registry is asked once. Where none answers, the image is built from packages, which takes under a minute and honours
//! the machine's own mirrors.

pub(crate) mod build;
pub mod name;
pub mod pin;

use std::fmt;
use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt as _;

use crate::backend::ImageProgressFn;
use crate::backend::docker::Engine;
use crate::error::SandboxError;
use crate::spec::ImageRef;

const RECIPE: &str = include_str!("../../deploy/images/python.toml");

/// How long a registry may be silent.
const REGISTRY_SILENCE: Duration = Duration::from_secs(60);
/// How long a registry may take to say anything at all.
const REGISTRY_ANSWER: Duration = Duration::from_secs(10);

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

impl fmt::Display for ImageProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pulling { image, detail } => write!(f, "pulling {image}: {detail}"),
            Self::Building { image, detail } => write!(f, "building {image}: {detail}"),
            Self::Ready { image } => write!(f, "image {image} is ready"),
        }
    }
}

/// How an image is made.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    pub(crate) distribution: Distribution,
    pub(crate) official: Official,
    /// A digest of the text.
    #[serde(skip)]
    digest: String,
}

/// The image as built from packages.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Distribution {
    pub(crate) suite: String,
    /// The version of the language that the packages bring.
    #[serde(default)]
    pub(crate) version: String,
    pub(crate) packages: Vec<String>,
    /// What another image needs to have this language's tools too.
    #[serde(default)]
    pub(crate) toolchain: Vec<String>,
}

/// The image as completed from an official one.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Official {
    /// Its name; `{version}` stands for the wanted version.
    pub(crate) image: String,
    /// The version where nobody wants a particular one.
    #[serde(default)]
    pub(crate) version: String,
    /// A command that completes it.
    #[serde(default)]
    pub(crate) complete: Vec<String>,
    /// Packages that complete it.
    #[serde(default)]
    pub(crate) packages: Vec<String>,
}

impl Recipe {
    fn embedded() -> Result<Self, SandboxError> {
        Self::read(RECIPE)
    }

    /// Reads a recipe.
    pub(crate) fn read(text: &str) -> Result<Self, SandboxError> {
        let recipe: Recipe =
            toml::from_str(text).map_err(|error| failed(format!("the embedded recipe is broken: {error}")))?;
        Ok(Recipe { digest: blake3::hash(text.as_bytes()).to_hex()[..12].to_owned(), ..recipe })
    }

    /// Returns the tag of what this recipe makes.
    pub(crate) fn tag(&self) -> String {
        self.digest.clone()
    }

    pub(crate) fn image(&self) -> ImageRef {
        ImageRef::new(format!("{}:{}", self.name, self.tag()))
    }
}

const WAYS_OUT: &str = "install mmdebstrap (`apt install mmdebstrap`), or name an image that has Python and pytest";

fn failed(reason: impl Into<String>) -> SandboxError {
    SandboxError::ImageBuild { reason: reason.into(), fix: WAYS_OUT.into() }
}

/// Makes sure that a named image is present, pulling it if it is not.
pub(crate) async fn ensure(
    engine: &Engine,
    image: &ImageRef,
    progress: &ImageProgressFn<'_>,
) -> Result<ImageRef, SandboxError> {
    if engine.image_id(image.as_str()).await?.is_none() {
        pull(engine, image, progress).await?;
    }
    progress(ImageProgress::Ready { image: image.to_string() });
    Ok(image.clone())
}

/// Returns the Python image if an earlier run made it.
pub(crate) async fn present_python(engine: &Engine) -> Result<Option<ImageRef>, SandboxError> {
    let image = Recipe::embedded()?.image();
    Ok(engine.image_id(image.as_str()).await?.map(|_| image))
}

/// Makes sure that the Python image is present.
pub(crate) async fn ensure_python(engine: &Engine, progress: &ImageProgressFn<'_>) -> Result<ImageRef, SandboxError> {
    // Two runs at once would build the same thing twice, and both succeed; one process builds it once.
    static BUILDING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let recipe = Recipe::embedded()?;
    let image = recipe.image();
    let _building = BUILDING.lock().await;
    if engine.image_id(image.as_str()).await?.is_none() {
        make(engine, &recipe, &image, progress).await?;
    }
    progress(ImageProgress::Ready { image: image.to_string() });
    Ok(image)
}

async fn make(
    engine: &Engine,
    recipe: &Recipe,
    image: &ImageRef,
    progress: &ImageProgressFn<'_>,
) -> Result<(), SandboxError> {
    let Err(not_pulled) = from_official(engine, recipe, image, progress).await else { return Ok(()) };
    match build::from_packages(engine, recipe, image, progress).await {
        Err(SandboxError::ImageBuild { reason, .. }) => Err(failed(format!("{not_pulled}; {reason}"))),
        built => built,
    }
}

/// Pulls the official image, where a registry answers, and completes it with what the tests need.
async fn from_official(
    engine: &Engine,
    recipe: &Recipe,
    image: &ImageRef,
    progress: &ImageProgressFn<'_>,
) -> Result<(), SandboxError> {
    let official = ImageRef::new(&recipe.official.image);
    ensure(engine, &official, progress).await?;
    build::complete(engine, &official, &recipe.official.complete, image, build::Network::Default, progress).await
}

async fn pull(engine: &Engine, image: &ImageRef, progress: &ImageProgressFn<'_>) -> Result<(), SandboxError> {
    let missing = |reason: String| SandboxError::ImageMissing { image: image.to_string(), reason };
    let options = CreateImageOptionsBuilder::new().from_image(&with_tag(image.as_str())).build();
    let mut events = engine.docker.create_image(Some(options), None, None);
    let mut patience = REGISTRY_ANSWER;
    loop {
        let event = match tokio::time::timeout(patience, events.next()).await {
            Ok(Some(event)) => event.map_err(|error| missing(error.to_string()))?,
            Ok(None) => break,
            Err(_) => return Err(missing(format!("the registry said nothing for {} s", patience.as_secs()))),
        };
        patience = REGISTRY_SILENCE;
        let detail = [event.id, event.status].into_iter().flatten().collect::<Vec<_>>().join(" ");
        progress(ImageProgress::Pulling { image: image.to_string(), detail });
    }
    match engine.image_id(image.as_str()).await? {
        Some(_) => Ok(()),
        None => Err(missing("the registry sent something else".into())),
    }
}

/// Without a tag the engine would pull every tag there is.
fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains(':') || last.contains('@') { image.to_owned() } else { format!("{image}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipe_is_readable_and_names_its_image_by_content() {
        let recipe = Recipe::embedded().unwrap();
        assert!(recipe.distribution.packages.iter().any(|name| name == "python3-pytest"));
        let image = recipe.image().to_string();
        assert!(image.starts_with("patchwright/python:") && image.len() == 31, "{image}");
    }

    #[test]
    fn images_without_a_tag_get_one() {
        for (name, expected) in [
            ("python", "python:latest"),
            ("python:3.11", "python:3.11"),
            ("localhost:5000/python", "localhost:5000/python:latest"),
            ("python@sha256:0123", "python@sha256:0123"),
        ] {
            assert_eq!(with_tag(name), expected);
        }
    }
}
