// The reporter inside a file's process: JSON lines on descriptor 3, with the token that stood on stdin.
import { readFileSync, writeSync } from 'node:fs';

const token = readFileSync(0, 'utf8');
const { stringify } = JSON;
const text = (value) => String(value ?? '').slice(0, 8000);
let at = 0;

function say(k, fields) {
  let rest = Buffer.from(`${stringify({ token, at: at++, k, ...fields })}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(3, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

function readable(outer) {
  const error = outer?.cause instanceof Error || (outer?.cause && typeof outer.cause === 'object') ? outer.cause : outer;
  const timeout = outer?.failureType === 'testTimeoutFailure';
  return {
    name: text(error?.name),
    message: text(error?.message ?? outer?.cause ?? error),
    stack: text(error?.stack),
    code: timeout ? 'ERR_TEST_TIMEOUT' : text(error?.code),
  };
}

function result(names, data, failed) {
  const suite = data.details?.type === 'suite';
  const error = failed ? readable(data.details?.error) : undefined;
  const ms = data.details?.duration_ms;
  if (suite) {
    const own = failed && data.details?.error?.failureType !== 'subtestsFailed' && data.todo === undefined;
    if (own) say('broken', { names, error });
    return;
  }
  const skipped = data.skip !== undefined && data.skip !== false;
  const todo = data.todo !== undefined && data.todo !== false;
  const reason = skipped ? data.skip : data.todo;
  const plain = failed ? 'failed' : 'passed';
  const status = skipped ? 'skipped' : todo ? (failed ? 'xfailed' : 'todo') : plain;
  say('test', { names, status, ms, error, reason: typeof reason === 'string' ? text(reason) : '' });
}

say('begin', {});

export default async function* report(source) {
  const names = [];
  const running = [];
  for await (const { type, data } of source) {
    if (type === 'test:dequeue') {
      running.length = data.nesting;
      running.push(text(data.name));
      say('start', { names: running });
    } else if (type === 'test:start') {
      names.length = data.nesting;
      names.push(text(data.name));
    } else if (type === 'test:pass' || type === 'test:fail') {
      names.length = data.nesting;
      names.push(text(data.name));
      result(names, data, type === 'test:fail');
    }
  }
  say('end', {});
  yield '';
}
