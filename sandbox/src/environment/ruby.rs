//! Ruby: Gemfile, gemspec, and whether RSpec or minitest runs.

use super::candidate::{Candidate, nearest};
use super::tree::Tree;
use super::version::Allowed;
use super::workflow::Ci;
use super::{Found, Language};

pub(super) fn look(tree: &Tree<'_>, ci: &Ci) -> Option<Candidate> {
    let gemspec = tree.paths().find(|path| path.extension() == Some(b"gemspec") && path.components().count() == 1);
    let mut it = match nearest(tree, &["Gemfile"]) {
        Some((root, name)) => {
            let file = super::tree::join(&root, &name);
            Candidate::new(Language::Ruby, root, tree.present(&file))
        }
        None if gemspec.is_some() || tree.has("Rakefile") => {
            let file = gemspec.map_or_else(|| "Rakefile".to_owned(), |path| path.to_str_lossy().into_owned());
            Candidate::new(Language::Ruby, String::new(), tree.present(&file))
        }
        None => return None,
    };
    it.pin(tree, ".ruby-version");
    if let Some(path) = gemspec {
        let file = path.to_str_lossy().into_owned();
        let text = tree.text(&file).unwrap_or_default();
        let line = text.lines().find(|line| line.contains("required_ruby_version"));
        if let Some(line) = line {
            let wish = line.split(['"', '\'']).nth(1).unwrap_or_default();
            it.allowed.push(Allowed::parse(wish, tree.says(&file, "required_ruby_version")));
        }
    }
    let gemfile = it.at("Gemfile");
    let bundled = tree.has(&gemfile);
    if bundled {
        it.setup.push(Found::stated(it.step("bundle install --jobs 2"), tree.present(&gemfile)));
    }
    let exec = if bundled { "bundle exec " } else { "" };
    for (command, evidence) in ci.tests(Language::Ruby).filter(|(command, _)| !command.is_open()) {
        it.tests.push(Found::stated(command.text(), evidence.clone()));
    }
    if tree.has(&it.at(".rspec")) || tree.has_folder(&it.at("spec")) {
        let evidence = tree.present(&it.at(if tree.has(&it.at(".rspec")) { ".rspec" } else { "spec" }));
        it.tests.push(Found::likely(format!("{exec}rspec"), evidence));
    } else if tree.has(&it.at("Rakefile")) && tree.has_folder(&it.at("test")) {
        it.tests.push(Found::likely(format!("{exec}rake test"), tree.present(&it.at("Rakefile"))));
    } else if tree.has_folder(&it.at("test")) {
        let all = "ruby -Ilib -Itest -e 'Dir.glob(\"test/**/{test_*,*_test}.rb\").sort.each { |file| require \"./\" + file }'";
        it.tests.push(Found::likely(format!("{exec}{all}"), tree.present(&it.at("test"))));
    }
    Some(it)
}
