use super::*;
use crate::runner::exercise::{self, Exercise, Exercised};
use crate::runner::{minitest::Minitest, rspec::Rspec};
use crate::tool::Tool;

const SUM: &str = "def sum(a, b)
  a + b
end

def broken
  nil.length
end

def never
  1
end
";

const SPEC: &str = "require_relative '../lib/sum'
describe 'sum' do
  it('adds') { expect(sum(1, 2)).to eq 3 }
  describe '#deep' do
    it 'fails (really) [1] $' do
      expect(sum(1, 2)).to eq 4
    end
  end
  it('raises') { broken }
  xit('skipped') { raise 'never' }
  it('pending') { pending('later'); raise 'no' }
  it { expect(1).to eq 1 }
  it('twice') { }
  it('twice') { raise ArgumentError, 'second' }
  it('prints') { puts '{\"n\":\"x\",\"s\":1,\"k\":\"end\"}', '99 examples, 0 failures' }
end
";

const TEST: &str = "require 'minitest/autorun'
require_relative '../lib/sum'
class SumTest < Minitest::Test
  def test_adds; assert_equal 3, sum(1, 2); end
  def test_fails
    assert_equal 4, sum(1, 2)
  end
  def test_raises; broken; end
  def test_skipped; skip 'no network'; end
  def test_prints; puts '{\"n\":\"x\",\"s\":1,\"k\":\"end\"}', '99 runs, 0 failures'; end
end
describe 'outer' do
  describe 'inner' do
    it('holds (x) $') { _(1).must_equal 1 }
  end
end
";

fn exercise(
    tool: &dyn Tool,
    name: &str,
    words: &[&str],
    files: &[(&str, &str)],
    select: Option<&[&str]>,
) -> Option<Exercised> {
    let program = if name.starts_with("rspec") { "rspec" } else { "ruby" };
    if !crate::testing::tools(&[program]) {
        return None;
    }
    let files = [&[("lib/sum.rb", SUM)], files].concat();
    let coverage = if name.ends_with("/mixed") { Coverage::PerTest } else { Coverage::Off };
    let seconds = if name.ends_with("/hangs") { 3 } else { 60 };
    Some(exercise::check(name, tool, &Exercise { select, coverage, seconds, ..Exercise::new(words, &files) }))
}

#[track_caller]
fn check_covered(done: &Exercised) {
    let lines = done.report.lines.iter().find(|(path, _)| path.to_str_lossy() == "lib/sum.rb");
    let lines = &lines.unwrap_or_else(|| panic!("nothing is covered: {}", done.printed())).1;
    assert!(lines.contains(&2) && lines.contains(&6) && !lines.contains(&10), "{lines:?}");
}

#[test]
fn rspec_runs() {
    let words = &["rspec"];
    let run = |name: &str, files: &[(&str, &str)], select: Option<&[&str]>| {
        exercise(&Rspec, &format!("rspec/{name}"), words, files, select)
    };
    let mixed = [("spec/a_spec.rb", SPEC), (".rspec", "--color --order random --format documentation\n")];
    let Some(done) = run("mixed", &mixed, None) else { return };
    check_covered(&done);
    run(
        "selected",
        &mixed,
        Some(&[
            "spec/a_spec.rb::sum::#deep::fails (really) [1] $",
            "spec/a_spec.rb::sum::adds",
            "spec/b_spec.rb::gone",
        ]),
    );
    run("selected-unnamed", &mixed, Some(&["spec/a_spec.rb::sum::example [1:6]"]));
    run("syntax", &[("spec/a_spec.rb", SPEC), ("spec/b_spec.rb", "describe 'x' do\n  it(\nend\n")], None);
    run("import", &[("spec/b_spec.rb", "require_relative 'missing'\n")], None);
    run("nothing", &[], None);
    for (name, act) in hostile() {
        let text = format!("describe 'x' do\n  it('first') {{ }}\n  it('acts') {{ {act} }}\n  it('last') {{ }}\nend\n");
        run(name, &[("spec/a_spec.rb", &text)], None);
    }
}

fn hostile() -> [(&'static str, &'static str); 5] {
    [
        ("exits-early", "exit!(0)"),
        ("kills-itself", "Process.kill('KILL', Process.pid)"),
        ("hangs", "loop { }"),
        (
            "writes",
            "folder = (ARGV + $LOADED_FEATURES).join(' ')[%r{/\\S*reports-5f1c}]; Dir.glob(\"#{folder}/events-*\").each { |it| File.write(it, \"{}\\n\", mode: 'a') }",
        ),
        ("covers-up", "at_exit { exit!(0) }; raise 'covered up'"),
    ]
}

#[test]
fn minitest_runs() {
    let words = &["ruby", "-Ilib", "test/sum_test.rb"];
    let run = |name: &str, files: &[(&str, &str)], select: Option<&[&str]>| {
        exercise(&Minitest, &format!("minitest/{name}"), words, files, select)
    };
    let mixed = [("test/sum_test.rb", TEST)];
    let Some(done) = run("mixed", &mixed, None) else { return };
    check_covered(&done);
    run(
        "selected",
        &mixed,
        Some(&["test/sum_test.rb::SumTest::test_fails", "test/sum_test.rb::outer::inner::test_0001_holds (x) $"]),
    );
    run("syntax", &[("test/sum_test.rb", "class X\n  def (\nend\n")], None);
    run("import", &[("test/sum_test.rb", "require_relative 'missing'\n")], None);
    for (name, act) in hostile() {
        let text = format!(
            "require 'minitest/autorun'\nclass X < Minitest::Test\n  def test_a; end\n  def test_b; {act}; end\n  def test_c; end\nend\n"
        );
        run(name, &[("test/sum_test.rb", &text)], None);
    }
    let each = "Dir.glob('./test/**/{test_*,*_test}.rb').sort.each { |file| require file }";
    let two = [
        ("test/sum_test.rb", TEST),
        ("test/test_b.rb", "require 'minitest/autorun'\nclass B < Minitest::Test\n  def test_b; end\nend\n"),
    ];
    let words = &["ruby", "-Ilib", "-Itest", "-e", each];
    exercise(
        &Minitest,
        "minitest/each",
        words,
        &two,
        Some(&["test/test_b.rb::B::test_b", "test/sum_test.rb::SumTest::test_adds"]),
    );
    if crate::testing::tools(&["rake"]) {
        let rakefile =
            ("Rakefile", "require 'rake/testtask'\nRake::TestTask.new { |t| t.pattern = 'test/*_test.rb' }\n");
        let files = [rakefile, ("test/sum_test.rb", TEST)];
        exercise(&Minitest, "minitest/rake", &["rake", "test"], &files, None);
        exercise(
            &Minitest,
            "minitest/rake-selected",
            &["rake", "test"],
            &files,
            Some(&["test/sum_test.rb::SumTest::test_adds"]),
        );
    }
}

#[test]
fn recorded_runs_are_read_alike() {
    exercise::replay("rspec", &Rspec);
    exercise::replay("minitest", &Minitest);
}

#[test]
fn calls_are_recognised() {
    use crate::runner::{RunnerKind, claimed};
    for (command, expected) in [
        ("rspec", Some(RunnerKind::Rspec)),
        ("bundle exec rspec spec/a_spec.rb:3", Some(RunnerKind::Rspec)),
        ("RAILS_ENV=test bin/rspec", Some(RunnerKind::Rspec)),
        ("bundle exec rake spec", Some(RunnerKind::Rspec)),
        ("rake test", Some(RunnerKind::Minitest)),
        ("bin/rails test test/models", Some(RunnerKind::Minitest)),
        ("bundle exec ruby -Itest test/a_test.rb", Some(RunnerKind::Minitest)),
        ("ruby -Ilib test/test_a.rb", Some(RunnerKind::Minitest)),
        ("ruby a.rb", None),
        ("rake", None),
        ("bundle exec", None),
        ("bundle install", None),
    ] {
        assert_eq!(claimed(&shell_words::split(command).unwrap()), expected, "{command}");
    }
}
