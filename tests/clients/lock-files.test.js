// Lock files pin versions but no download locations. Our own tarball has no digest, because every change of the package
// repacks it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../../', import.meta.url);
const FOLDERS = ['frontend-hooks', 'tests/clients', 'examples/node', 'examples/react-vite', 'examples/nextjs'];

test('no lock file names a download location, or a digest of our own tarball', () => {
  for (const folder of FOLDERS) {
    const { packages } = JSON.parse(readFileSync(new URL(`${folder}/package-lock.json`, ROOT), 'utf8'));
    for (const [path, { resolved, integrity }] of Object.entries(packages)) {
      assert.ok(resolved === undefined || resolved.startsWith('file:'), `${folder}: ${path} is from ${resolved}`);
      // With a digest, `npm ci` would refuse the next tarball. `npm install` adds the line, so delete it again.
      if (resolved) assert.equal(integrity, undefined, `${folder}: ${path} has a digest`);
    }
  }
});
