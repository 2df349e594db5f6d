import { createRequire } from 'node:module';
import { unlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const journal = createRequire(import.meta.url)('./journal.cjs');

function readable(error) {
  const { loc, stacks } = error;
  const where = loc && (loc.file || error.id) ? `\n${loc.file || error.id}:${loc.line}:${loc.column}` : '';
  const listed = (stacks || []).map((at) => `\n    at ${at.method || '<anonymous>'} (${at.file}:${at.line}:${at.column})`).join('');
  const { name, message } = error;
  const ended = /^Worker (exited|terminated)|^Channel closed/.test(message);
  const code = ended ? 'PATCHWRIGHT_ENDED' : error.code;
  return { name, message, code, stack: `${error.stack || error.stackStr || listed}${where}`, matcherResult: undefined };
}

export default class {
  counts = { tests: 0, failed: 0, broken: 0, stopped: false };

  broken(file, names, errors) {
    for (const error of errors || []) {
      this.counts.broken += 1;
      journal.broken(file, names, readable(error));
    }
  }

  walk(file, task, above) {
    const names = [...above, task.name];
    if (task.type === 'suite' || task.tasks) {
      this.broken(file, names, task.result?.errors);
      for (const inner of task.tasks) this.walk(file, inner, names);
      return;
    }
    const state = task.result?.state;
    // Not chosen tests are marked as left out; one without a mark was never come to.
    if (!state && task.mode !== 'skip' && task.mode !== 'todo') return;
    const status = { pass: 'passed', fail: 'failed' }[state] || (task.mode === 'todo' ? 'todo' : 'skipped');
    const [error] = task.result?.errors || [];
    this.counts.tests += 1;
    if (status === 'failed') this.counts.failed += 1;
    journal.test(file, names, status, task.result?.duration, status === 'failed' && readable(error || {}), task.result?.note);
  }

  finish(files, errors) {
    if (this.done) return;
    this.done = true;
    for (const file of files) {
      const own = file.result?.errors || [];
      this.broken(file.filepath, [], own);
      for (const task of file.tasks || []) this.walk(file.filepath, task, []);
    }
    this.broken('', ['unhandled errors'], errors);
    journal.end(this.counts);
  }

  onTestCaseReady(test) {
    journal.start(test.module.moduleId, test.fullName.split(' > '));
  }

  onTaskUpdate() {
    journal.beat();
  }

  onFinished(files = [], errors = []) {
    this.finish(files, errors);
  }

  onTestRunEnd(modules, errors, reason) {
    this.counts.stopped = reason === 'interrupted';
    this.finish(modules.map((module) => module.task), errors);
  }
}
unlinkSync(fileURLToPath(import.meta.url));
