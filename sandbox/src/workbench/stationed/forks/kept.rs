//! What builds left in earlier workspaces, by what those differed from the base in.

use super::super::super::Overlay;
use crate::workspace::Layer;

/// So many are kept, besides the first, which is that of the base.
const MOST: usize = 4;
/// Layers on layers are kept up to this depth; then a nearer relative of the base serves.
const DEEPEST: usize = 48;

/// Layers with build products. The first stays; of the others the oldest goes.
#[derive(Default)]
pub(super) struct Kept {
    layers: Vec<(Vec<Overlay>, Layer)>,
}

impl Kept {
    /// Returns the layer from which it is least far to these differences, and what is to be written there: every file that differs in
    /// the layer must be named, since nothing else would put it right.
    pub(super) fn nearest(&self, overlay: &[Overlay]) -> Option<(Layer, Vec<Overlay>)> {
        let found = self.layers.iter().filter_map(|(known, layer)| Some((layer, distance(known, overlay)?)));
        let (layer, rest) = found.min_by_key(|(_, rest)| rest.len())?;
        Some((layer.clone(), rest.into_iter().cloned().collect()))
    }

    pub(super) fn keep(&mut self, overlay: Vec<Overlay>, layer: Layer) {
        if layer.depth() > DEEPEST {
            return;
        }
        self.layers.retain(|(known, _)| !same(known, &overlay));
        if self.layers.len() > MOST {
            self.layers.remove(1);
        }
        self.layers.push((overlay, layer));
    }

    pub(super) fn clear(&mut self) {
        self.layers.clear();
    }
}

fn same(one: &[Overlay], other: &[Overlay]) -> bool {
    one.len() == other.len() && distance(one, other).is_some_and(|rest| rest.is_empty())
}

/// Returns what has to be written over `known` to make it `wanted`; `None` where something would stay that is not wanted.
fn distance<'a>(known: &[Overlay], wanted: &'a [Overlay]) -> Option<Vec<&'a Overlay>> {
    let named = |it: &Overlay| wanted.iter().any(|other| other.path == it.path);
    known.iter().all(named).then(|| wanted.iter().filter(|it| !known.contains(it)).collect())
}

#[cfg(test)]
mod tests {
    use repo::RepoPath;

    use super::*;

    fn overlay(files: &[(&str, &str)]) -> Vec<Overlay> {
        let edit = |(path, text): &(&str, &str)| Overlay {
            path: RepoPath::new(path).unwrap(),
            bytes: (!text.is_empty()).then(|| text.as_bytes().to_vec()),
        };
        files.iter().map(edit).collect()
    }

    #[track_caller]
    fn check(known: &[(&str, &str)], wanted: &[(&str, &str)], expected: Option<&[(&str, &str)]>) {
        let (known, wanted) = (overlay(known), overlay(wanted));
        let found = distance(&known, &wanted).map(|rest| rest.into_iter().cloned().collect::<Vec<_>>());
        assert_eq!(found, expected.map(overlay));
    }

    #[test]
    fn what_differs_already_is_not_written_again() {
        check(&[], &[("a", "1")], Some(&[("a", "1")]));
        check(&[("a", "1")], &[("a", "1"), ("b", "")], Some(&[("b", "")]));
        check(&[("a", "1")], &[("a", "2")], Some(&[("a", "2")]));
        check(&[("a", "1")], &[("a", "1")], Some(&[]));
    }

    #[test]
    fn what_would_stay_and_is_not_wanted_rules_a_layer_out() {
        check(&[("a", "1")], &[], None);
        check(&[("a", "1"), ("b", "1")], &[("a", "1"), ("c", "1")], None);
    }
}
