'use strict';
// Reduces what NODE_V8_COVERAGE recorded to the workspace's own files, with the places of their lines: `node lines.cjs FOLDER ROOT`.
// The reader is format/v8.rs. Offsets count UTF-16 units, as JavaScript does.
const fs = require('fs');
const path = require('path');
const { fileURLToPath } = require('url');

const [, , folder, root] = process.argv;
const output = fs.openSync(path.join(path.dirname(folder), 'coverage.jsonl'), 'w');
const known = new Map();

function linesOf(file) {
  if (!known.has(file)) {
    let start = 0;
    const lines = [];
    for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
      const text = line.trim();
      const first = start + line.indexOf(text);
      lines.push([first, first + text.length]);
      start += line.length + 1;
    }
    known.set(file, lines);
  }
  return known.get(file);
}

for (const name of fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []) {
  if (!name.endsWith('.json')) continue;
  let report;
  try {
    report = JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
  } catch {
    continue; // A process that was killed while it wrote.
  }
  for (const { url, functions } of report.result) {
    if (!url.startsWith('file://') || url.includes('/node_modules/') || (report['source-map-cache'] || {})[url]) continue;
    try {
      const file = path.relative(root, fileURLToPath(url));
      if (file.startsWith('..') || path.isAbsolute(file)) continue;
      const ranges = functions.flatMap((one) => one.ranges.map((range) => [range.startOffset, range.endOffset, range.count]));
      fs.writeSync(output, `${JSON.stringify({ file, lines: linesOf(path.join(root, file)), ranges })}\n`);
    } catch {
      // A file that is gone, or a URL that names none.
    }
  }
}
