import { lamp, pair, price, standStill } from './cast.js';
import type { Play, Stage } from './stage.js';
import type { Shop } from './world.js';

/** The writer is stopped while it waits, until the reader is about to take its blocks away. A third process looks on. */
async function overtakenByReaper(stage: Stage) {
  const { writer, reader } = await pair(stage);
  const other = stage.shop('other');
  await stage.sleep(30);
  stage.lose({ machine: 'writer', op: 'acked' });
  for (const { machine } of [writer, other]) stage.lose({ machine: machine.name, op: 'reap' });
  const reap = stage.hold({ machine: 'reader', op: 'reap', leg: 'request' });
  const write = stage.write(writer, price);
  await stage.sleep(100);
  writer.machine.pause(120_000);
  await reap.caught;
  return { writer, reader, other, reap, write };
}

/** The writer goes on, and whatever it is told, the two others must agree on what it did. */
async function goOn(stage: Stage, { writer, reader, other }: { writer: Shop; reader: Shop; other: Shop }) {
  writer.machine.wake();
  await stage.sleep(30);
  await stage.read(other, lamp);
  await stage.read(reader, lamp);
}

/** Databases, writers and connections that are lost. */
export const crashes = {
  'a crash after a process has joined': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    await stage.warm(reader, lamp);
    stage.lose({ machine: 'reader', op: 'open' });
    stage.database.end('reinit', 3);
    await stage.sleep(5);
    await stage.write(writer, price);
    await stage.read(reader, lamp);
  },

  'a crash after a process has come back to life': async (stage: Stage) => {
    const { writer, reader } = await standStill(stage, 3000);
    await stage.sleep(2900);
    stage.lose({ machine: 'writer', op: 'look' });
    await stage.sleep(120);
    await stage.warm(reader, lamp);
    stage.lose({ machine: 'reader', op: 'open' });
    stage.database.end('reinit', 3);
    await stage.sleep(5);
    await stage.write(writer, price);
    await stage.read(reader, lamp);
  },

  'a crash after the reaper': async (stage: Stage) => {
    const shops = await overtakenByReaper(stage);
    const { reader, reap } = shops;
    reap.go();
    await stage.sleep(20);
    await stage.warm(reader, lamp);
    stage.lose({ machine: 'reader', op: 'open' });
    stage.database.end('reinit', 3);
    await stage.sleep(5);
    await goOn(stage, shops);
  },

  'a failover that loses what the reaper did': async (stage: Stage) => {
    const shops = await overtakenByReaper(stage);
    const { reader, reap } = shops;
    stage.database.detachStandby();
    reap.go();
    await stage.sleep(20);
    await stage.warm(reader, lamp);
    stage.lose({ machine: 'reader', op: 'open' });
    stage.database.end('failover', 3);
    await stage.sleep(5);
    await goOn(stage, shops);
  },

  'a writer that comes back after the reaper': async (stage: Stage) => {
    const shops = await overtakenByReaper(stage);
    const { reader, reap } = shops;
    reap.go();
    await stage.sleep(20);
    await stage.warm(reader, lamp);
    await goOn(stage, shops);
  },

  'a failover that loses a process': async (stage: Stage) => {
    const writer = stage.shop('writer');
    await stage.sleep(30);
    stage.database.detachStandby();
    const reader = stage.shop('reader');
    await stage.sleep(30);
    await stage.warm(reader, lamp);
    stage.lose({ machine: 'reader', op: 'open' });
    stage.database.end('failover', 3);
    await stage.sleep(5);
    await stage.write(writer, price);
    await stage.read(reader, lamp);
  },

  'a connection that is lost while COMMIT waits for the disk': async (stage: Stage) => {
    const { writer, reader } = await pair(stage);
    stage.database.commitMs = () => 300;
    const write = stage.write(writer, price);
    await stage.sleep(50);
    for (const connection of [...stage.wire.open]) if (!stage.database.listeners.has(connection)) stage.wire.reset(connection);
    await write;
    await stage.sleep(300);
    await stage.read(reader, lamp);
  },
} as const satisfies Record<string, Play>;
