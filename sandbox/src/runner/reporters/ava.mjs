// Takes the place of AVA's TAP reporter, which leaves out the file of a test when there is only one.
import { createRequire, register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

export const source = `
const journal = globalThis[Symbol.for('patchwright.journal')];
delete globalThis[Symbol.for('patchwright.journal')];
export default class {
  startRun(plan) {
    const counts = { tests: 0, failed: 0, broken: 0, stopped: false };
    this.counts = counts;
    const broken = (event, names, error) => {
      counts.broken += 1;
      journal.broken(event.testFile, names, error);
    };
    const test = (event, status, error) => {
      counts.tests += 1;
      if (status === 'failed') counts.failed += 1;
      journal.test(event.testFile, [event.title], status, event.duration, error);
    };
    const readable = (event) => {
      const { name, ctorName, message, stack, formattedDetails, originalError } = event.err || {};
      const details = (formattedDetails || event.err?.values || []).map((one) => (one.label || '') + one.formatted).join('\\n');
      const original = originalError || {};
      // What a test threw is in the stack only.
      const thrown = /^(Error thrown in test|Rejected promise returned)/.test(message) && /^(\\w+)(?: \\[\\w+\\])?: (.*)/.exec(stack);
      if (thrown) return { name: thrown[1], message: thrown[2], stack };
      const type = name || ctorName || original.name || event.err?.type;
      const said = [message || original.message, details].filter(Boolean).join('\\n');
      const assertion = type === 'AssertionError' || event.err?.assertion || event.err?.type === 'ava';
      return { name: assertion ? 'AssertionError' : type, message: said, stack: stack || original.stack };
    };
    const known = new Set();
    plan.status.on('stateChange', (event) => {
      switch (event.type) {
        case 'declared-test':
          if (!known.has(event.testFile + '*')) journal.start(event.testFile, []);
          known.add(event.testFile + '*');
          break;
        case 'selected-test':
          if (event.skip) test(event, 'skipped');
          else if (event.todo) test(event, 'todo');
          break;
        case 'test-passed':
          test(event, event.knownFailing ? 'xfailed' : 'passed');
          break;
        case 'test-failed':
          test(event, 'failed', readable(event));
          break;
        case 'hook-failed':
          broken(event, [event.title], readable(event));
          break;
        case 'uncaught-exception':
        case 'unhandled-rejection':
        case 'internal-error':
          known.add(event.testFile);
          broken(event, [], readable(event));
          break;
        case 'missing-ava-import':
          broken(event, [], { name: 'Error', message: 'the file does not import ava' });
          break;
        case 'line-number-selection-error':
          broken(event, [], { name: 'Error', message: 'the line selects no test' });
          break;
        case 'process-exit':
          broken(event, [], { code: 'PATCHWRIGHT_ENDED', message: 'a test called process.exit()' });
          break;
        case 'timeout':
          counts.stopped = true;
          for (const [file, titles] of event.pendingTests || []) {
            for (const title of titles) {
              counts.tests += 1;
              counts.failed += 1;
              journal.test(file, [title], 'failed', event.period, { name: 'Error', code: 'ERR_MOCHA_TIMEOUT', message: 'the test did not end' });
            }
          }
          break;
        case 'interrupt':
          counts.stopped = true;
          break;
        case 'worker-failed':
          // What the file threw is said already; its exit code follows from it.
          if (known.has(event.testFile) && !event.signal) break;
          broken(event, [], {
            code: 'PATCHWRIGHT_ENDED',
            message: event.signal ? 'the test process was ended by ' + event.signal : 'the test process ended with exit code ' + event.nonZeroExitCode,
          });
          break;
        case 'worker-finished':
          if (event.forcedExit) counts.stopped = true;
          break;
        default:
      }
    });
  }

  endRun() {
    journal.end(this.counts);
  }
}`;

const own = import.meta.url;
if (isMainThread) {
  // The processes of the tests are started with the same options.
  process.execArgv = process.execArgv.filter((word) => !word.endsWith('/ava.mjs'));
  globalThis[Symbol.for('patchwright.journal')] = createRequire(own)('./journal.cjs');
  const hooks = `
    const source = ${JSON.stringify(source)};
    export async function load(url, context, next) {
      if (/[/]ava[/]lib[/]reporters[/]tap[.]js$/.test(url)) return { format: 'module', source, shortCircuit: true };
      return next(url, context);
    }`;
  register(`data:text/javascript,${encodeURIComponent(hooks)}`);
}
