//! The images that environments start from: one recipe per language, in `deploy/images/languages`.

use super::build::{Making, PrepareError};
use super::version::agree;
use super::{Evidence, Language};
use crate::backend::docker::DockerBackend;
use crate::error::SandboxError;
use crate::image::{self, Recipe};
use crate::spec::ImageRef;

/// An image to start from.
#[derive(Debug, Clone)]
pub(super) struct Base {
    /// Its id, which is a digest of what is in it.
    pub(super) id: String,
    /// What people should know about it.
    pub(super) note: Option<String>,
}

/// Returns the recipe's text, as it is embedded.
fn text(language: Language) -> &'static str {
    match language {
        Language::Python => include_str!("../../../deploy/images/languages/python.toml"),
        Language::JavaScript => include_str!("../../../deploy/images/languages/node.toml"),
        Language::Rust => include_str!("../../../deploy/images/languages/rust.toml"),
        Language::Go => include_str!("../../../deploy/images/languages/go.toml"),
        Language::Java => include_str!("../../../deploy/images/languages/java.toml"),
        Language::Ruby => include_str!("../../../deploy/images/languages/ruby.toml"),
        Language::Php => include_str!("../../../deploy/images/languages/php.toml"),
        Language::C => include_str!("../../../deploy/images/languages/c.toml"),
    }
}

/// Returns the version that a build from the distribution's packages has.
pub(super) fn usual_version(language: Language) -> String {
    Recipe::read(text(language)).map(|recipe| recipe.distribution.version).unwrap_or_default()
}

/// Returns whether every image of a language has a package anyway.
pub(super) fn comes_anyway(language: Language, package: &str) -> bool {
    let of = |recipe: Recipe| recipe.official.packages.iter().any(|name| name == package);
    Recipe::read(text(language)).is_ok_and(of)
}

/// Returns the packages by which another language's project gets this one's tools.
pub(super) fn toolchain(language: Language) -> Vec<String> {
    Recipe::read(text(language)).map(|recipe| recipe.distribution.toolchain).unwrap_or_default()
}

/// Returns what the images of all languages are made of, where they are built from packages.
#[cfg(test)]
pub(crate) fn packages_of_all_languages() -> Vec<String> {
    let of = |language| Recipe::read(text(language)).map(|recipe| recipe.distribution.packages).unwrap_or_default();
    Language::ALL.into_iter().flat_map(of).collect()
}

/// Returns the id of an image that is there.
pub(super) async fn present(backend: &DockerBackend, image: &ImageRef) -> Result<Option<String>, SandboxError> {
    backend.engine().image_id(image.as_str()).await
}

/// Returns the error of an image that was there a moment ago.
pub(super) fn gone(image: &ImageRef) -> SandboxError {
    SandboxError::ImageMissing { image: image.to_string(), reason: "it was removed".to_owned() }
}

/// Returns the names of the images of all languages that were built from packages, with what they are for.
pub(crate) fn images() -> Vec<(Language, ImageRef)> {
    let of = |language| Recipe::read(text(language)).ok().map(|recipe| (language, from_distribution(&recipe)));
    Language::ALL.into_iter().filter_map(of).collect()
}

fn from_distribution(recipe: &Recipe) -> ImageRef {
    ImageRef::new(format!("{}:{}", recipe.name, recipe.tag()))
}

/// Makes sure of an image with a language's tools: the official one of the wished version where a registry answers, else what the
/// distribution has.
pub(super) async fn ensure(
    making: &mut Making<'_>,
    language: Language,
    wish: Option<&str>,
) -> Result<Base, PrepareError> {
    let recipe = Recipe::read(text(language))?;
    let built = from_distribution(&recipe);
    let fits = wish.is_none_or(|wish| agree(wish, &recipe.distribution.version));
    let version = wish.unwrap_or(&recipe.official.version);
    let official = ImageRef::new(format!("{}:{}-{version}", recipe.name, recipe.tag()));
    let first = if fits { [&built, &official] } else { [&official, &built] };
    // A wish that the built image does not fulfil is asked for first.
    for image in first.into_iter().take(if fits { 2 } else { 1 }) {
        if let Some(id) = present(making.backend, image).await? {
            return Ok(Base { id, note: None });
        }
    }
    let Err(not_pulled) = from_official(making, &recipe, version, &official).await else {
        let id = present(making.backend, &official).await?.ok_or_else(|| gone(&official))?;
        return Ok(Base { id, note: None });
    };
    if present(making.backend, &built).await?.is_none() {
        image::build::from_packages(making.backend.engine(), &recipe, &built, making.progress).await?;
    }
    let id = present(making.backend, &built).await?.ok_or_else(|| gone(&built))?;
    let had = &recipe.distribution.version;
    let note = (!fits)
        .then(|| format!("{language} {version} could not be had ({not_pulled}); the distribution's {had} is used"));
    Ok(Base { id, note })
}

async fn from_official(
    making: &mut Making<'_>,
    recipe: &Recipe,
    version: &str,
    image: &ImageRef,
) -> Result<(), PrepareError> {
    let official = ImageRef::new(recipe.official.image.replace("{version}", version));
    image::ensure(making.backend.engine(), &official, making.progress).await?;
    let id = present(making.backend, &official).await?.ok_or_else(|| gone(&official))?;
    let names: Vec<&str> = recipe.official.packages.iter().map(String::as_str).collect();
    making.install(&id, &names, image, &Evidence::usual("what builds need")).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_recipe() {
        for language in Language::ALL {
            let recipe = Recipe::read(text(language)).unwrap();
            assert_eq!(
                recipe.name,
                format!(
                    "patchwright/{}",
                    if language == Language::Python { "python-setup" } else { language.as_str() }
                )
            );
            assert!(recipe.official.image.contains("{version}"), "{}", recipe.official.image);
            assert!(!usual_version(language).is_empty() && !toolchain(language).is_empty());
            assert!(comes_anyway(language, "git"));
        }
    }
}
