'use strict';
const journal = require('./journal.cjs');

const STATUS = { passed: 'passed', failed: 'failed', todo: 'todo' };

module.exports = class {
  onTestCaseStart(test, one) {
    journal.start(test.path, [...one.ancestorTitles, one.title]);
  }

  onTestResult(test, result) {
    for (const one of result.testResults) {
      const names = [...one.ancestorTitles, one.title];
      const failed = one.status === 'failed';
      const details = (one.failureDetails || []).find(Boolean) || {};
      const inner = details.error || details;
      const error = failed && {
        name: inner.name || (/^(\w+): /.exec((one.failureMessages || [])[0]) || [])[1],
        message: inner.message || (one.failureMessages || [])[0],
        stack: (one.failureMessages || []).join('\n'),
        code: inner.code,
        matcherResult: inner.matcherResult,
      };
      journal.test(test.path, names, STATUS[one.status] || 'skipped', one.duration, error);
    }
    const broken = result.testExecError;
    if (broken) {
      const stack = `${broken.stack || ''}\n${result.failureMessage || ''}`;
      journal.broken(test.path, [], { name: broken.name || broken.type, message: broken.message, stack, code: broken.code });
    }
  }

  onRunComplete(contexts, all) {
    const stopped = Boolean(all.wasInterrupted) || all.numTotalTestSuites > all.testResults.length;
    journal.end({ tests: all.numTotalTests, failed: all.numFailedTests, broken: all.numRuntimeErrorTestSuites, stopped });
  }

  getLastError() {}
};
require('fs').unlinkSync(__filename);
