import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { project } from '../sabotage/bundle.js';

const document = readFileSync(join(project, 'docs/security.md'), 'utf8');

describe('docs/security.md', () => {
  it('names a proof for every risk and every kind of input, and each is there', () => {
    const rows = document.split('\n').filter((line) => line.startsWith('| ') && line.includes('`test/'));
    expect(rows.length).toBeGreaterThanOrEqual(21);
    const named = [...document.matchAll(/`(test\/[\w./-]+\.ts)`/g)].map(([, file]) => file ?? '');
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((file) => !existsSync(join(project, file)))).toEqual([]);
    for (let risk = 1; risk <= 10; risk += 1) expect(rows.filter((row) => row.startsWith(`| ${risk} `))).toHaveLength(1);
    const own = readdirSync(join(project, 'test/hostile')).filter((file) => file.endsWith('.test.ts'));
    expect(own.filter((file) => !named.includes(`test/hostile/${file}`))).toEqual([]);
  });

  it('says truly that no URL of a caller is followed and no process is started while the service serves', () => {
    const served = readdirSync(join(project, 'src'), { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !/^(generated|cli|db\/(embedded|watchdog|process-life|generate-client))/.test(file),
    );
    expect(served.length).toBeGreaterThan(90);
    const asking = /(?<!async )(?<![.\w])fetch\(|from '(node:)?(https?|child_process|dns|undici|zlib|vm)'|\beval\(|new Function\(/;
    const typesAlone = /import type [^;]* from 'node:https?';/g;
    expect(served.filter((file) => asking.test(readFileSync(join(project, 'src', file), 'utf8').replaceAll(typesAlone, ''))))
      // The keys of the issuer that the configuration names; a server, which is asked and asks nobody.
      .toEqual(['plugins/key-fetch.ts', 'sight/metrics-server.ts']);
  });
});
