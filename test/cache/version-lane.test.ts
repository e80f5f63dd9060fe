import { beforeEach, describe, expect, it } from 'vitest';
import { tuning } from '../../src/cache/policies.js';
import { createVersionLane, type VersionLane } from '../../src/cache/version-lane.js';
import { createFakeClock } from './fake-clock.js';
import { createHeldSource, documentAt, type HeldSource } from './held-source.js';

const lookup = 'slug:lamp';
let clock: ReturnType<typeof createFakeClock>;
let source: HeldSource;
let lane: VersionLane<number>;
let marks: number;

beforeEach(() => {
  clock = createFakeClock();
  source = createHeldSource();
  marks = 0;
  lane = createVersionLane({
    versions: source.versions,
    clock,
    mark: () => ++marks,
    overload: () => new Error('too many are waiting'),
    timeout: () => new Error('no answer in time'),
  });
});

const versionOf = async (asked: ReturnType<VersionLane<number>['ask']>) => (await asked).found.get(lookup)?.version;

describe('the version lane', () => {
  it('asks once for all who come in one turn', async () => {
    const asked = Array.from({ length: 1000 }, (_, i) => lane.ask([`slug:lamp-${i % 10}`]));
    const query = await source.nextVersions();
    expect(query.wanted).toHaveLength(10);
    query.answer([]);
    await Promise.all(asked);
    expect(source.sent.versions).toBe(1);
    expect(lane.counts()).toEqual({ lookups: 1000, queries: 1, failed: 0 });
  });

  it('never lets a reader join a query that has been sent', async () => {
    const early = versionOf(lane.ask([lookup]));
    const sent = await source.nextVersions();
    const late = versionOf(lane.ask([lookup]));
    sent.answer([documentAt(1, 100)]);
    expect(await early).toBe(1);
    (await source.nextVersions()).answer([documentAt(2, 200)]);
    expect(await late).toBe(2);
  });

  it('joins whoever comes meanwhile to the one query that has not been sent', async () => {
    const first = lane.ask([lookup]);
    const sent = await source.nextVersions();
    const second = lane.ask(['slug:chair']);
    await new Promise(setImmediate);
    const third = lane.ask([lookup]);
    expect(source.sent.versions).toBe(1);
    sent.answer([]);
    await first;
    const collected = await source.nextVersions();
    expect(collected.wanted).toEqual(['slug:chair', lookup]);
    collected.answer([]);
    await Promise.all([second, third]);
    expect(source.sent.versions).toBe(2);
  });

  it('dates an answer by the moment its query was sent', async () => {
    const startedAt = clock.now();
    const asked = lane.ask([lookup]);
    const query = await source.nextVersions();
    clock.advance(700);
    query.answer([]);
    expect((await asked).sentAt).toBe(startedAt);
  });

  it('takes the mark of an answer in the turn in which its query is sent, for all who joined it', async () => {
    const early = lane.ask([lookup]);
    expect(marks).toBe(0);
    const sent = await source.nextVersions();
    expect(marks).toBe(1);
    const joined = [lane.ask(['slug:chair']), lane.ask([lookup])];
    marks = 10;
    sent.answer([]);
    expect((await early).mark).toBe(1);
    (await source.nextVersions()).answer([]);
    expect((await Promise.all(joined)).map(({ mark }) => mark)).toEqual([11, 11]);
  });

  it('takes an answer that has come while this process stood still, though its time has run out', async () => {
    const asked = versionOf(lane.ask([lookup]));
    const query = await source.nextVersions();
    clock.advance(2 * tuning.versionQueryMs);
    query.answer([documentAt(1, 100)]);
    expect(await asked).toBe(1);
  });

  it('gives an error to everyone who waits for that query, repeats nothing and goes on with the next', async () => {
    const asked = [lane.ask([lookup]), lane.ask(['slug:chair'])];
    const query = await source.nextVersions();
    const next = versionOf(lane.ask([lookup]));
    query.fail(new Error('the database is away'));
    for (const answer of await Promise.allSettled(asked)) expect(answer).toMatchObject({ reason: { message: 'the database is away' } });
    (await source.nextVersions()).answer([documentAt(3, 300)]);
    expect(await next).toBe(3);
    expect(source.sent.versions).toBe(2);
    expect(lane.counts()).toMatchObject({ queries: 2, failed: 1 });
  });

  it('keeps a query within its size', async () => {
    const asked = Array.from({ length: 2 * tuning.versionBatch + 1 }, (_, i) => lane.ask([`slug:lamp-${i}`]));
    const sizes: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const query = await source.nextVersions();
      sizes.push(query.wanted.length);
      query.answer([]);
    }
    await Promise.all(asked);
    expect(sizes).toEqual([tuning.versionBatch, tuning.versionBatch, 1]);
  });

  it('turns readers away where too many wait already, and takes them again later', async () => {
    const waiting = Array.from({ length: tuning.versionQueue }, () => lane.ask([lookup]));
    await expect(lane.ask([lookup])).rejects.toThrow('too many are waiting');
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    await Promise.all(waiting);
    const again = versionOf(lane.ask([lookup]));
    (await source.nextVersions()).answer([documentAt(1, 100)]);
    expect(await again).toBe(1);
  });

  it('keeps nobody waiting for longer than two queries may take, however long the line', async () => {
    const asked = Array.from({ length: 4 }, (_, page) => lane.ask(Array.from({ length: tuning.versionBatch }, (__, i) => `slug:lamp-${page}-${i}`)));
    const settled = asked.map((answer) =>
      answer.then(
        () => 'answered',
        ({ message }: Error) => message,
      ),
    );
    for (let i = 0; i < 2; i += 1) {
      await source.nextVersions();
      await clock.pass(tuning.versionQueryMs);
    }
    expect(await Promise.all(settled)).toEqual(Array.from({ length: 4 }, () => 'no answer in time'));
    expect(source.sent.versions).toBe(2);
    const after = versionOf(lane.ask([lookup]));
    (await source.nextVersions()).answer([documentAt(4, 400)]);
    expect(await after).toBe(4);
  });
});
