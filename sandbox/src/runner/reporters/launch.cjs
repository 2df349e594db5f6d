'use strict';
// Runs a package's program in this process: `node launch.cjs PACKAGE BIN ARGUMENT…`. It is looked up as the repository would do it.
const fs = require('fs');
const path = require('path');
const Module = require('module');

const [, , name, bin, ...args] = process.argv;

function manifest() {
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name, 'package.json');
    if (fs.existsSync(candidate)) return fs.realpathSync(candidate);
    const pnp = path.join(folder, '.pnp.cjs');
    if (fs.existsSync(pnp)) {
      require(pnp).setup();
      return Module.createRequire(path.join(folder, 'package.json')).resolve(`${name}/package.json`);
    }
    if (folder === path.dirname(folder)) return null;
  }
}

const found = manifest();
const bins = found && JSON.parse(fs.readFileSync(found, 'utf8')).bin;
const program = typeof bins === 'string' ? bins : bins && (bins[bin] || bins[name]);
if (!program) {
  process.stderr.write(`patchwright: ${name} is not installed\n`);
  process.exit(127);
}
const main = path.resolve(path.dirname(found), program);
// Vitest's coverage is a package of its own; a repository without it is run without.
function coverage() {
  for (const provider of ['v8', 'istanbul']) {
    try {
      Module.createRequire(path.join(process.cwd(), 'package.json')).resolve(`@vitest/coverage-${provider}`);
      return ['--coverage.enabled=true', `--coverage.provider=${provider}`];
    } catch {
      // The next one.
    }
  }
  return ['--coverage.enabled=false'];
}
// Jest takes a file that is not there any more for a test that broke.
const chosen = args.indexOf('--runTestsByPath');
if (chosen >= 0 && args.slice(chosen + 1).some((file) => fs.existsSync(file))) {
  args.push(...args.splice(chosen + 1).filter((file) => fs.existsSync(file)));
}
const given = args.flatMap((word) => (word === '--coverage.enabled=where-installed' ? coverage() : [word]));
process.argv = [process.argv[0], main, ...given];
Module.runMain(main);
