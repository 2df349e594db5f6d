'use strict';
// The configuration that Karma is started with: the repository's own, with a reporter of ours and one headless browser.
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');
const { pathToFileURL } = require('url');
const journal = require('./journal.cjs');

const options = JSON.parse(fs.readFileSync(path.join(__dirname, 'karma.json'), 'utf8'));
fs.unlinkSync(__filename);
const NAMES = ['js', 'cjs', 'mjs', 'coffee', 'ts'].flatMap((end) => [`karma.conf.${end}`, `.config/karma.conf.${end}`]);
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
// What hangs is for the limits of the run to end: they say so.
const A_DAY = 86_400_000;

function load(file) {
  if (file.endsWith('.ts')) createRequire(file)('ts-node').register();
  try {
    return require(file);
  } catch (error) {
    if (error.code !== 'ERR_REQUIRE_ESM') throw error;
    return import(pathToFileURL(file));
  }
}

// Chrome by the program that is there, unless the repository names one.
function findChrome() {
  if (fs.existsSync(process.env.CHROME_BIN || '')) return;
  const folders = (process.env.PATH || '').split(path.delimiter);
  const named = ['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser', 'chrome'];
  const found = named.flatMap((name) => folders.map((folder) => path.join(folder, name))).find((file) => fs.existsSync(file));
  if (found) process.env.CHROME_BIN = found;
}

// One browser: every test is run once. A Chrome is preferred, whatever the repository calls it.
function choose(config) {
  const launchers = config.customLaunchers || {};
  const base = (name) => (launchers[name] && launchers[name].base !== name ? base(launchers[name].base) : String(name));
  const wanted = options.browsers || config.browsers || [];
  const chrome = wanted.find((name) => /^Chrom/.test(base(name)));
  if (chrome === undefined && wanted.length > 0) return [wanted[0]];
  findChrome();
  const flags = ((launchers[chrome] || {}).flags || []).filter((flag) => !/^--(headless|remote-debugging|no-sandbox)/.test(flag));
  config.customLaunchers = { ...launchers, Patchwright: { base: 'ChromeHeadless', flags: [...FLAGS, ...flags] } };
  return ['Patchwright'];
}

function preprocessorsOf(config) {
  const kept = (names) => [].concat(names).filter((name) => name !== 'coverage');
  return Object.fromEntries(Object.entries(config.preprocessors || {}).map(([glob, names]) => [glob, kept(names)]));
}

function finish(config, file) {
  const browsers = choose(config);
  const args = (config.client && config.client.args) || [];
  if (options.names) {
    const mocha = config.frameworks.includes('mocha');
    args.splice(0, args.length, '--grep', mocha ? options.names : `/${options.names}/`);
  }
  config.basePath = file ? path.resolve(path.dirname(file), config.basePath || '') : process.cwd();
  config.formatError = undefined;
  config.preprocessors = preprocessorsOf(config);
  config.set({
    browsers,
    client: { ...config.client, args },
    exclude: [...config.exclude, ...(file ? [file] : [])],
    plugins: [...config.plugins, { 'reporter:patchwright': ['type', Reporter] }],
    reporters: ['patchwright'],
    singleRun: true,
    autoWatch: false,
    detached: false,
    browserNoActivityTimeout: A_DAY,
    pingTimeout: A_DAY,
    captureTimeout: 120_000,
    browserDisconnectTolerance: 0,
    retryLimit: 0,
    failOnFailingTestSuite: true,
    failOnEmptyTestSuite: true,
    failOnSkippedTests: false,
  });
}

const sum = (results, field) => results.reduce((total, result) => total + result[field], 0);

// Karma makes its plugins without `new` of a class.
function Reporter(formatError, config) {
  // Karma makes URLs of the page into paths below its base, and follows source maps.
  const placed = (whole, before, file, place) => `${before}${path.resolve(config.basePath, file)}${place}`;
  const format = (text) =>
    formatError(String(text))
      .replace(/ <- [^\s)]+/g, '')
      .replace(/((?:^|\n)\s*at (?:[^\n(]*\()?)([^\s():]+)(:\d+)/g, placed);
  const runs = new Set();
  let leftOut = 0;
  let hooks = 0;
  let broken = 0;
  // A page that comes back after the run is over has nothing more to say.
  let over = false;
  // What befell the browser is told last: results that it had sent before may still be on their way.
  const late = [];
  const fail = (file, names, error) => {
    if (over) return;
    broken += 1;
    journal.broken(file, names, error);
  };
  const errorOf = (text, known) => {
    const lines = format(text).trim().replace(/^An error was thrown in afterAll\n/, '').split('\n');
    const at = lines.findIndex((line) => /^\s*at /.test(line));
    const head = lines.slice(0, at < 0 ? undefined : at).join('\n').trim();
    const [, name] = /^(?:Uncaught )?(\w*(?:Error|Exception))\b/.exec(head) || [];
    const assertion = known || /^(Error: )?(Expected |Failed: )|^AssertionError/.test(head);
    const slow = /Async function did not complete within|Timeout of \d+ms exceeded/.test(head);
    const message = head.replace(/^(?:Uncaught )?\w*(?:Error|Exception): /, '');
    return {
      name: assertion ? 'AssertionError' : name || 'Error',
      message,
      stack: lines.join('\n'),
      code: slow ? 'ERR_TEST_TIMEOUT' : undefined,
    };
  };
  this.adapters = [];
  this.onBrowserStart = (browser) => {
    if (over) return;
    runs.add(browser.lastResult);
    if (runs.size > 1) late.push({ name: 'Browser', code: 'PATCHWRIGHT_ENDED', message: 'the page was loaded again before its tests were over' });
  };
  this.onSpecComplete = (browser, result) => {
    if (over) return;
    runs.add(browser.lastResult);
    const names = [...result.suite, result.description];
    const error = !result.success && !result.skipped ? errorOf((result.log || []).join('\n'), (result.assertionErrors || []).length > 0) : null;
    if (options.names && result.disabled) {
      leftOut += 1;
    } else if (error && /^"(before|after) (all|each)" hook/.test(result.description)) {
      hooks += 1;
      fail('', names, error);
    } else {
      journal.test('', names, result.skipped ? 'skipped' : error ? 'failed' : 'passed', result.time, error);
    }
  };
  this.onBrowserError = (browser, thrown) => {
    const text = String((thrown && (thrown.str || thrown.message)) || thrown);
    if (/^Disconnected|full page reload/.test(text)) {
      late.push({ name: 'Browser', code: 'PATCHWRIGHT_ENDED', message: text.split('\n')[0] });
      return;
    }
    const error = errorOf(text);
    const [, file] = /(?:^|\n)\s*at (?:[^\n(]*\()?([^\s():]+):\d+/.exec(error.stack) || [];
    fail(file || '', [], error);
  };
  this.onBrowserProcessFailure = () => late.push({ name: 'Browser', code: 'PATCHWRIGHT_ENDED', message: 'the browser cannot be started' });
  this.onRunComplete = () => {
    if (over) return;
    const results = [...runs];
    const executed = sum(results, 'success') + sum(results, 'failed') + sum(results, 'skipped');
    const total = sum(results, 'total');
    // A page that reports more than it has tests reports for others.
    if (total > 0 && executed - hooks > total) {
      late.push({ name: 'Browser', code: 'PATCHWRIGHT_TAMPERED', message: `${executed} results of ${total} tests` });
    }
    for (const error of late) fail('', ['the browser'], error);
    over = true;
    const stopped = hooks === 0 && executed < total;
    journal.end({ tests: executed - leftOut - hooks, failed: sum(results, 'failed') - hooks, broken, stopped });
  };
}
Reporter.$inject = ['formatError', 'config'];

module.exports = (config) => {
  const named = options.config ? [options.config] : NAMES;
  const file = named.map((name) => path.resolve(name)).find((name) => fs.existsSync(name));
  if (options.config && !file) throw new Error(`there is no ${options.config}`);
  const apply = (loaded) => {
    const own = loaded && (loaded.default || loaded);
    const made = own && own(config);
    return made && made.then ? made.then(() => finish(config, file)) : finish(config, file);
  };
  const loaded = file && load(file);
  return loaded && loaded.then ? loaded.then(apply) : apply(loaded);
};
