import { deaf, lamp, pair, price, standStill } from './cast.js';
import type { Play, Stage } from './stage.js';

/** Messages that cross. */
export const races = {
  'a reply that is late, behind a snapshot from before the block': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    await stage.warm(reader, lamp);
    const look = stage.hold({ machine: 'reader', op: 'look', leg: 'reply' });
    await look.caught;
    deaf(stage);
    const write = stage.write(writer, price);
    await stage.sleep(800);
    stage.lose({ machine: 'reader', op: 'beat' });
    stage.lose({ machine: 'reader', op: 'open' });
    look.go();
    await write;
    await stage.sleep(100);
    await stage.read(reader, lamp);
  },

  'a beat that is under way while a block is armed': async (stage: Stage) => {
    const { writer, reader } = await standStill(stage, 4000);
    const beat = stage.hold({ machine: 'reader', op: 'beat', leg: 'request' });
    await beat.caught;
    await stage.sleep(5);
    deaf(stage);
    const begin = stage.hold({ machine: 'writer', op: 'begin_write', leg: 'request' });
    const write = stage.write(writer, price);
    await begin.caught;
    beat.go();
    await stage.sleep(20);
    await stage.warm(reader, lamp);
    begin.go();
    await write;
    await stage.read(reader, lamp);
  },

  'a notice that arrives while a renewal is under way': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    const look = stage.hold({ machine: 'reader', op: 'look', leg: 'reply' });
    await look.caught;
    const begin = stage.hold({ machine: 'writer', op: 'begin_write', leg: 'request' });
    const write = stage.write(writer, price);
    await begin.caught;
    look.go();
    await stage.sleep(5);
    await stage.warm(reader, lamp);
    begin.go();
    await write;
    await stage.read(reader, lamp);
  },

  'a question from before a commit whose answer comes after the release': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    const begin = stage.hold({ machine: 'writer', op: 'begin_write', leg: 'request' });
    const write = stage.write(writer, price);
    await begin.caught;
    await stage.read(reader, lamp);
    const versions = stage.hold({ machine: 'reader', op: 'versions', leg: 'reply' });
    const slow = stage.read(reader, lamp);
    await versions.caught;
    begin.go();
    await write;
    await stage.sleep(5);
    versions.go();
    await slow;
    await stage.read(reader, lamp);
  },

  'a process that the registry has forgotten': async (stage: Stage) => {
    const { writer, reader } = await standStill(stage, 10_000);
    await stage.sleep(10_050);
    deaf(stage);
    await stage.warm(reader, lamp);
    await stage.write(writer, price);
    await stage.read(reader, lamp);
  },

  'a process that comes back while it is being forgotten': async (stage: Stage) => {
    const { writer, reader } = await standStill(stage, 9000);
    const remove = stage.hold({ machine: 'writer', op: 'delete', leg: 'request' });
    await remove.caught;
    await stage.sleep(700);
    remove.go();
    await stage.sleep(5);
    deaf(stage);
    await stage.warm(reader, lamp);
    await stage.write(writer, price);
    await stage.read(reader, lamp);
  },

  'a lease that lapses, with a write in between': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    await stage.warm(reader, lamp);
    const heal = stage.lose({ machine: 'reader' });
    await stage.sleep(100);
    await stage.write(writer, price);
    heal();
    await stage.sleep(2500);
    await stage.read(reader, lamp);
  },

  'a load that outlasts a lease, with a write in between': async (stage: Stage) => {
    const writer = stage.shop('writer', 200);
    const reader = stage.shop('reader', 200);
    await stage.sleep(30);
    const load = stage.hold({ machine: 'reader', op: 'documents', leg: 'reply' });
    const slow = stage.read(reader, 'id:p0');
    await load.caught;
    const healing = (['beat', 'look', 'open'] as const).map((op) => stage.lose({ machine: 'reader', op }));
    deaf(stage);
    await stage.write(writer, price);
    for (const heal of healing) heal();
    await stage.sleep(500);
    load.go();
    await slow;
    await stage.read(reader, 'id:p0');
  },

  'a process that joins while a block is armed': async (stage: Stage) => {
    const writer = stage.shop('writer');
    await stage.sleep(30);
    const arm = stage.hold({ machine: 'writer', op: 'arm', leg: 'request' });
    const write = stage.write(writer, price);
    await arm.caught;
    const reader = stage.shop('reader');
    await stage.sleep(30);
    deaf(stage);
    await stage.warm(reader, lamp);
    arm.go();
    await write;
    await stage.read(reader, lamp);
  },

  'a renewal while the own block is under way': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    const arm = stage.hold({ machine: 'writer', op: 'arm', leg: 'request' });
    const commit = stage.hold({ machine: 'writer', op: 'commit', leg: 'reply' });
    const write = stage.write(writer, price);
    await arm.caught;
    await stage.sleep(700);
    await stage.warm(writer, lamp);
    arm.go();
    await commit.caught;
    await stage.read(reader, lamp);
    await stage.read(writer, lamp);
    commit.go();
    await write;
  },

  'another write while the answer to COMMIT is under way': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    const commit = stage.hold({ machine: 'writer', op: 'commit', leg: 'reply' });
    const write = stage.write(writer, price);
    await commit.caught;
    await stage.sleep(5);
    await stage.write(reader, price);
    commit.go();
    await write;
    await stage.read(writer, lamp);
  },

  'a process whose row is not committed yet': async (stage: Stage) => {
    const writer = stage.shop('writer');
    await stage.sleep(30);
    const join = stage.hold({ machine: 'reader', op: 'join', leg: 'request' });
    const reader = stage.shop('reader');
    await join.caught;
    deaf(stage);
    await stage.warm(reader, lamp);
    await stage.write(writer, price);
    await stage.read(reader, lamp);
    join.go();
  },

  'a notice that is overtaken by the release': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    const arm = stage.hold({ machine: 'reader', op: 'arm', leg: 'notice' });
    await stage.write(writer, price);
    await stage.sleep(100);
    arm.go();
    await stage.sleep(5);
    await stage.expectHit(reader, lamp);
  },

  'a rename between the blocks of a write and its commit': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    const begin = stage.hold({ machine: 'writer', op: 'begin_write', leg: 'request' });
    const write = stage.write(writer, price);
    await begin.caught;
    await stage.write(reader, { kind: 'rename', id: 'p0', slug: 'bed' });
    begin.go();
    await write;
    await stage.read(reader, 'slug:bed');
  },

  'a machine that sleeps': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    await stage.warm(reader, lamp);
    deaf(stage);
    reader.machine.suspend(5000);
    await stage.write(writer, price);
    stage.lose({ machine: 'reader', op: 'beat' });
    reader.machine.deliver(() => void stage.read(reader, lamp));
    await stage.sleep(5000);
  },

  'a process that leaves while a renewal is under way': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    await stage.warm(reader, lamp);
    const look = stage.hold({ machine: 'reader', op: 'look', leg: 'reply' });
    await look.caught;
    void reader.cache.close();
    look.go();
    await stage.sleep(5);
    await stage.warm(reader, lamp);
    await stage.write(writer, price);
    await stage.read(reader, lamp);
  },
} as const satisfies Record<string, Play>;
