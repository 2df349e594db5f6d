# Writes a run's events as JSON lines into the folder this file lies in. See format/journal.rs for the reader.
require 'json'

module PatchwrightJournal
  TOKEN = '@TOKEN@'.freeze
  FOLDER = __dir__
  PID = Process.pid
  @count = 0

  class << self
    def event(kind, fields)
      # A test may fork: its children have nothing to say here.
      return if Process.pid != PID

      @file ||= File.open(File.join(FOLDER, "events-#{PID}.jsonl"), File::WRONLY | File::CREAT | File::EXCL | File::APPEND)
      @file.syswrite("#{JSON.generate({ n: TOKEN, s: @count, k: kind }.merge(fields))}\n")
      @count += 1
    end

    def text(value)
      value.to_s[0, 8000].encode('UTF-8', invalid: :replace, undef: :replace).scrub('?')
    end

    def error(error, message = nil)
      frames = (error.backtrace || []).first(200).filter_map do |line|
        path, number, function = line.match(/\A(.+?):(\d+)(?::in [`'](.*)')?/)&.captures
        [text(path), number.to_i, text(function)] if path
      end
      { name: text(error.class.name), message: text(message || error.message).strip, code: error.is_a?(Errno::ENOSPC) ? 'ENOSPC' : '', frames: frames }
    end

    def start(file, names)
      event('start', file: text(file), names: names.map { |name| text(name) })
    end

    def test(file, names, status, seconds, error: nil, reason: '')
      event('test', file: text(file), names: names.map { |name| text(name) }, status: status, ms: seconds.to_f * 1000, error: error, reason: text(reason))
    end

    def broken(file, names, error)
      event('broken', file: text(file), names: names.map { |name| text(name) }, error: error)
    end

    def finish(counts)
      event('end', counts)
    end

    # Lines that were run, of the files that are loaded from here on.
    def cover
      require 'coverage'
      Coverage.start unless Coverage.respond_to?(:running?) && Coverage.running?
      at_exit do
        lines = Coverage.peek_result.transform_values do |of|
          of = of[:lines] if of.is_a?(Hash)
          (of || []).each_with_index.filter_map { |count, at| at + 1 if count && count.positive? }
        end
        File.write(File.join(FOLDER, "lines-#{PID}.json"), JSON.generate(lines)) if Process.pid == PID
      end
    rescue StandardError => e
      warn "patchwright: no coverage: #{e.message}"
    end
  end
end
PatchwrightJournal.cover if File.exist?(File.join(__dir__, 'cover'))
