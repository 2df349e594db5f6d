'use strict';
// Writes a run's events as JSON lines into the folder this file lies in. See format/journal.rs for the reader.
//
// Tests may run in the same process, so everything that is needed later is taken now, and this file removes itself once it is read:
// what it was told is then nowhere on the disk.
const fs = require('fs');
const path = require('path');

const TOKEN = '@TOKEN@';
const MOST_TEXT = 8000;
const { stringify } = JSON;
const { writeSync, openSync, unlinkSync } = fs;
const { slice } = String.prototype;
const text = (value) => (value === undefined || value === null ? '' : slice.call(String(value), 0, MOST_TEXT));
const file = openSync(path.join(__dirname, `events-${process.pid}.jsonl`), 'ax');
const pending = [];
let count = 0;

function flush() {
  while (pending.length > 0) {
    // A test may have replaced the file system under us for a while: what cannot be written now is written with the next event.
    try {
      pending[0] = pending[0].subarray(writeSync(file, pending[0]));
    } catch {
      return;
    }
    if (pending[0].length === 0) pending.shift();
  }
}

// A run that prints nothing for long is taken for one that hangs.
const { bigint } = process.hrtime;
let beaten = bigint();
function beat() {
  const now = bigint();
  if (now - beaten > 5_000_000_000n) {
    beaten = now;
    process.stderr.write('.\n');
  }
}

function event(k, fields) {
  beat();
  pending.push(Buffer.from(`${stringify({ n: TOKEN, s: count++, k, ...fields })}\n`));
  flush();
}

function errorOf(error) {
  try {
    if (error === null || (typeof error !== 'object' && typeof error !== 'function')) {
      return { name: '', message: text(error), stack: '', code: '', assertion: false };
    }
    const name = text(error.name || (error.constructor && error.constructor.name));
    const assertion = name.startsWith('AssertionError') || error.code === 'ERR_ASSERTION' || error.matcherResult !== undefined;
    return { name, message: text(error.message), stack: text(error.stack), code: text(error.code), assertion };
  } catch {
    return { name: '', message: 'the error cannot be read', stack: '', code: '', assertion: false };
  }
}

module.exports = {
  beat,
  text,
  errorOf,
  start: (of, names) => event('start', { file: text(of), names: names.map(text) }),
  test: (of, names, status, ms, error, reason) =>
    event('test', { file: text(of), names: names.map(text), status, ms: Number(ms) || 0, error: error ? errorOf(error) : null, reason: text(reason) }),
  broken: (of, names, error) => event('broken', { file: text(of), names: names.map(text), error: errorOf(error) }),
  end: (counts) => event('end', counts),
};
process.on('exit', flush);
event('begin', {});
delete require.cache[__filename];
unlinkSync(__filename);
