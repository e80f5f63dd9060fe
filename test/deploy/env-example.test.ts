import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.js';

const text = readFileSync('.env.example', 'utf8');

describe('.env.example', () => {
  it('has every key that config.ts reads, and no other', () => {
    const schema = /z\.object\(\{\n([\s\S]*?)\n\}\)/.exec(readFileSync('src/config/environment.ts', 'utf8'))?.[1] ?? '';
    const read = [...schema.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, key]) => key);
    expect(read).toContain('DATABASE_URL');
    expect(Object.keys(parseEnv(text)).sort()).toEqual(read.sort());
  });

  it('changes nothing where it is taken as it is', () => {
    expect(loadConfig(parseEnv(text))).toEqual(loadConfig({}));
  });

  it('has no key that the README does not name', () => {
    const named = new Set([...readFileSync('README.md', 'utf8').matchAll(/`([A-Z_]+)`/g)].map(([, key]) => key));
    expect(Object.keys(parseEnv(text)).filter((key) => !named.has(key))).toEqual([]);
  });

  it('says of every key, or of the group it stands in, what it is for', () => {
    for (const group of text.trim().split('\n\n')) expect(group).toMatch(/^# \S/);
  });
});
