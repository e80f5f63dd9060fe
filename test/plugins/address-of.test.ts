import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { addressOf } from '../../src/plugins/address-of.js';
import { asAdmin } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';

const of = (ip: string) => addressOf({ ip, raw: { socket: { remoteAddress: '10.0.0.1' } } } as unknown as FastifyRequest);

describe('the address that a request is counted under', () => {
  it.each([
    ['198.51.100.7', '198.51.100.7'],
    ['2001:db8:0:7::1', '2001:db8:0:7'],
    ['2001:db8::7:1:2:3:4', '2001:db8:0:7'],
    ['2001:db8:0:7:ffff:ffff:ffff:ffff', '2001:db8:0:7'],
    ['2001:db8:0:8::1', '2001:db8:0:8'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['198.51.100.7:4001', '198.51.100.7'],
    ['[2001:db8:0:7::1]:4001', '2001:db8:0:7'],
    ['[2001:db8::7]', '10.0.0.1'],
    ['unknown', '10.0.0.1'],
    ['unknown-7', '10.0.0.1'],
    ['999.1.1.1:80', '10.0.0.1'],
    ['', '10.0.0.1'],
  ])('of %j is %s', (named, counted) => {
    expect(of(named)).toBe(counted);
  });
});

describe('a service behind a proxy that names ports', () => {
  const shop = openShop({ redis: false, config: { trustedProxies: ['127.0.0.1'], storefrontPerMinute: 3, wrongKeysPerMinute: 3 } });
  const from = (i: number) => `198.51.100.7:${4000 + i}`;

  it('counts every connection of one address together, shoppers as well as wrong keys', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await shop.http.get('/v1/categories').set('x-forwarded-for', from(i))).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const guesses: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const guess = { authorization: `${asAdmin.authorization}${i}`, 'x-forwarded-for': from(i) };
      guesses.push((await shop.http.get('/v1/admin/cache').set(guess)).status);
    }
    expect(guesses).toEqual([401, 401, 401, 429, 429]);
  });
});
