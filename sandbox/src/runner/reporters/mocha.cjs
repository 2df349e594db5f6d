'use strict';
const journal = require('./journal.cjs');

module.exports = function reporter(runner) {
  const reported = new Set();
  let failed = 0;
  let broken = 0;
  const names = (it) => (it.titlePath ? it.titlePath() : [it.title]);
  const test = (it, status, error) => {
    reported.add(it);
    journal.test(it.file, names(it), status, it.duration, error);
  };
  runner.on('test', (it) => journal.start(it.file, names(it)));
  runner.on('pass', (it) => test(it, 'passed'));
  runner.on('pending', (it) => test(it, 'skipped'));
  runner.on('fail', (it, error) => {
    // A hook, or a test that fails after it has passed.
    if (it.type === 'hook' || reported.has(it)) {
      broken += 1;
      journal.broken(it.file || (it.ctx && it.ctx.currentTest && it.ctx.currentTest.file), names(it), error);
    } else {
      failed += 1;
      test(it, 'failed', error);
    }
  });
  runner.on('end', () => {
    const stopped = Boolean(runner.suite.bail()) && failed + broken > 0;
    const tests = runner.stats ? runner.stats.tests : reported.size;
    journal.end({ tests, failed, broken, stopped });
  });
};
require('fs').unlinkSync(__filename);
