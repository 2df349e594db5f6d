# Minitest's reporter of ours. This file is loaded before anything else, also into Rake; it waits until Minitest is there.
module PatchwrightMinitest
  def self.hook
    require_relative 'journal'
    # What the tests start must not load this.
    ENV.delete('RUBYOPT') if ENV['RUBYOPT'].to_s.include?(__FILE__.delete_suffix('.rb'))
    reporter = Class.new(Minitest::AbstractReporter) do
      define_method(:start) do
        @tests = @failed = 0
        PatchwrightJournal.event('begin', {})
      end

      define_method(:file_of) do |klass, name|
        klass.instance_method(name).source_location.first
      rescue NameError
        ''
      end

      define_method(:prerecord) do |klass, name|
        PatchwrightJournal.start(file_of(klass, name), [klass.name, name])
      end

      define_method(:record) do |result|
        klass = result.respond_to?(:klass) ? result.klass : result.class.name
        file = result.respond_to?(:source_location) ? result.source_location.first : file_of(result.class, result.name)
        failure = result.failure
        status = result.skipped? ? 'skipped' : failure ? 'failed' : 'passed'
        if failure && !result.skipped?
          inner = failure.respond_to?(:error) && !failure.error.equal?(failure) ? failure.error : failure
          error = PatchwrightJournal.error(inner)
          error[:assertion] = inner.is_a?(Minitest::Assertion)
        end
        @tests += 1
        @failed += 1 if error
        PatchwrightJournal.test(file, [klass, result.name], status, result.time, error: error, reason: result.skipped? ? failure.message : '')
      end

      define_method(:report) { PatchwrightJournal.finish(tests: @tests, failed: @failed) }
      define_method(:passed?) { true }
    end
    Minitest.define_singleton_method(:plugin_patchwright_init) { |_options| self.reporter << reporter.new }
    Minitest.extensions << 'patchwright'
  end

  watch = TracePoint.new(:end) do |event|
    next unless event.self.equal?(defined?(::Minitest) && ::Minitest) && ::Minitest.respond_to?(:run) && defined?(::Minitest::AbstractReporter)

    watch.disable
    hook
  end
  watch.enable
end
