// Runs files with Node's own test runner, one process per file, and writes what their reporters say into the journal.
//
// `node --test` reads results from what its files print, so that a test could print them. Here they come over a pipe of their own, on
// which every line has to carry a token that only the reporter was told.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const journal = createRequire(import.meta.url)('./journal.cjs');
const reporter = fileURLToPath(new URL('./node-reporter.mjs', import.meta.url));
const { flags, patterns, chosen: areChosen } = JSON.parse(process.argv[2]);
const counts = { tests: 0, failed: 0, broken: 0, stopped: false };
const EXTENSION = /\.([cm]?js|[cm]?ts)$/;

function* walk(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules' && !entry.name.startsWith('.')) yield* walk(file);
    } else if (entry.isFile()) {
      yield file;
    }
  }
}

// What `node --test` takes for a test.
function isTest(file) {
  const folders = path.dirname(file).split(path.sep);
  const stem = path.basename(file).replace(EXTENSION, '');
  if (!EXTENSION.test(file) || (/\.[cm]?ts$/.test(file) && flags.length === 0) || /\.d\.[cm]?ts$/.test(file)) return false;
  return folders.includes('test') || stem === 'test' || stem.startsWith('test-') || /[.\-_]test$/.test(stem);
}

function glob(pattern) {
  const escaped = path.normalize(pattern).replace(/\*\*[/]|\*\*|\*|\?|\{[^{}]*\}|[.+^$()|[\]\\{}]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    if (part.length > 1) return `(?:${part.slice(1, -1).split(',').map((one) => one.replace(/[.+^$()|[\]\\]/g, '\\$&').replace(/\*/g, '[^/]*')).join('|')})`;
    return `\\${part}`;
  });
  const wanted = new RegExp(`^${escaped}$`);
  return [...walk('.')].filter((file) => wanted.test(file));
}

function filesOf(pattern) {
  try {
    return statSync(pattern).isDirectory() ? [...walk(pattern)].filter((file) => isTest(file)) : [pattern];
  } catch {
    // A chosen file that is not there any more has no results.
    if (areChosen) return [];
    return /[*?{]/.test(pattern) ? glob(pattern) : [pattern];
  }
}

function relay(line, token, seen, file) {
  let event;
  try {
    event = JSON.parse(line);
  } catch {
    event = {};
  }
  if (event.token !== token || event.at !== seen.count) {
    seen.forged = true;
    return;
  }
  seen.count += 1;
  if (event.k === 'end') seen.ended = true;
  if (event.k === 'start') journal.start(file, event.names);
  if (event.k === 'test') {
    counts.tests += 1;
    if (event.status === 'failed') counts.failed += 1;
    seen.failed ||= event.status === 'failed';
    journal.test(file, event.names, event.status, event.ms, event.error, event.reason);
  }
  if (event.k === 'broken') {
    counts.broken += 1;
    seen.failed = true;
    journal.broken(file, event.names, event.error);
  }
}

function run(file) {
  const token = randomUUID();
  const seen = { count: 0, ended: false, failed: false, forged: false };
  let unread = '';
  let stderr = '';
  const argv = [...flags, `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', file];
  const child = spawn(process.execPath, argv, { stdio: ['pipe', 'inherit', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {});
  child.stdin.end(token);
  child.stderr.on('data', (bytes) => {
    process.stderr.write(bytes);
    stderr = (stderr + bytes).slice(-6000);
  });
  child.stdio[3].setEncoding('utf8').on('data', (bytes) => {
    const lines = (unread + bytes).split('\n');
    unread = lines.pop();
    for (const line of lines) relay(line, token, seen, file);
  });
  child.stdio[3].on('error', () => {});
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ seen, stderr: String(error), code: null, signal: null }));
    child.on('close', (code, signal) => resolve({ seen, stderr, code, signal, unread }));
  });
}

function judge(file, { seen, stderr, code, signal, unread }) {
  const broken = (message, stack, code) => {
    counts.broken += 1;
    journal.broken(file, [], { name: /^(\w*Error)\b/m.exec(stack)?.[1] || 'Error', message, stack, code });
  };
  const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
  if (seen.forged || unread) {
    broken('something else than the reporter wrote into the report', '', 'PATCHWRIGHT_TAMPERED');
  } else if (seen.count === 0 && code === 0) {
    // A file without tests is a test of its own, as under `node --test`.
    counts.tests += 1;
    journal.test(file, [], 'passed', 0);
  } else if (!seen.ended) {
    const said = /^\w*(?:Error|Exception)\b.*$/m.exec(stderr)?.[0];
    const left = code === 0 || signal || seen.count > 1 || !said;
    broken(left ? `its process ${how} before its tests were over` : said, stderr, left ? 'PATCHWRIGHT_ENDED' : '');
  } else if ((code !== 0) !== seen.failed) {
    broken(`its process ${how}, which its tests do not explain`, stderr, code === 0 ? 'PATCHWRIGHT_TAMPERED' : 'PATCHWRIGHT_ENDED');
  }
}

const chosen = areChosen || patterns.length > 0 ? patterns.flatMap(filesOf) : [...walk('.')].filter(isTest);
for (const file of new Set(chosen.map((one) => path.normalize(one)))) {
  journal.start(file, []);
  judge(file, await run(file));
}
journal.end(counts);
process.exitCode = counts.failed + counts.broken > 0 ? 1 : 0;
