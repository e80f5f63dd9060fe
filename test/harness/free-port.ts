/** For tests that start a server of their own: a port of 127.0.0.1 that is free at this moment. */
export { freePort } from '../../src/db/free-port.js';
