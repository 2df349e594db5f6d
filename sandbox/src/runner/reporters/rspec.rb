# RSpec's formatter of ours.
require_relative 'journal'
require 'rspec/core'

class PatchwrightFormatter
  RSpec::Core::Formatters.register self, :start, :example_started, :example_passed, :example_failed, :example_pending, :message, :dump_summary
  Journal = PatchwrightJournal

  def initialize(_output)
    @tests = @failed = @broken = 0
  end

  def start(_notification)
    Journal.event('begin', {})
  end

  def example_started(notification)
    Journal.start(*place(notification.example))
  end

  def example_passed(notification)
    test(notification.example, 'passed')
  end

  def example_failed(notification)
    example = notification.example
    error = example.execution_result.exception
    @failed += 1
    inner = error.respond_to?(:all_exceptions) ? error.all_exceptions.first || error : error
    described = Journal.error(inner, error.message)
    described[:assertion] = inner.is_a?(RSpec::Expectations::ExpectationNotMetError) if defined?(RSpec::Expectations)
    described[:assertion] ||= inner.is_a?(RSpec::Core::Pending::PendingExampleFixedError)
    test(example, 'failed', error: described)
  end

  def example_pending(notification)
    result = notification.example.execution_result
    status = result.pending_exception ? 'xfailed' : 'skipped'
    test(notification.example, status, reason: result.pending_message)
  end

  # What goes wrong outside of examples comes as a message only.
  def message(notification)
    text = notification.message.gsub(/\e\[[0-9;]*m/, '')
    return unless text.include?('An error occurred')

    @broken += 1
    file = text[/while loading (\S+?\.rb)\b/, 1]
    name = text[/^\s*(\w+(?:::\w+)*(?:Error|Exception)\w*):$/, 1] || 'Error'
    said = text[/^\s*#{Regexp.escape(name)}:\n(.*?)(?=^\s*# |\z)/m, 1] || text
    Journal.broken(file, file ? [] : [text[/An error occurred (.*)/, 1]], { name: name, message: Journal.text(said.strip), frames: frames(text) })
  end

  def dump_summary(summary)
    stopped = RSpec.world.wants_to_quit && @broken.zero?
    Journal.finish(tests: summary.example_count, failed: summary.failure_count, broken: @broken, stopped: stopped)
  end

  private

  def frames(text)
    text.scan(/^\s*# (.+?):(\d+):in [`'](.*)'/).map { |path, line, function| [path, line.to_i, function] }
  end

  def test(example, status, error: nil, reason: '')
    @tests += 1
    Journal.test(*place(example), status, example.execution_result.run_time, error: error, reason: reason)
  end

  # An example without a description of its own is named by its place among the others: what RSpec makes up depends on the outcome.
  def place(example)
    file, scoped = example.id.match(/\A(.*)\[([\d:]+)\]\z/).captures
    groups = example.example_group.parent_groups.reverse.map { |group| group.description.to_s }
    own = example.metadata[:description_args].empty? ? "example [#{scoped}]" : example.description
    [file, [*groups, own]]
  end
end
# A chosen file that is not there any more has no results; RSpec would refuse to run the others.
module PatchwrightOnlyPresent
  def files_to_run
    super.select { |file| File.exist?(file) }
  end
end
RSpec::Core::Configuration.prepend(PatchwrightOnlyPresent)
File.delete(File.join(__dir__, 'journal.rb'), __FILE__)
