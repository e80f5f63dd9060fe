import { connect } from 'node:net';

const answerWithinMs = 20_000;
const bufferBytes = 64 * 1024;
const headBytes = 1024;

const contentLength = /\r\ncontent-length: (\d+)/i;
const cacheStatus = /\r\ncache-status: ([^\r]+)/i;

/**
 * Keep-alive connections that do the least a client can: write the bytes of a request, read one answer with a Content-Length. The generator
 * has one core, so what it does not do per answer (a promise, a parsed head) is left to the server under test to be measured.
 *
 * @param onAnswer is called with the connection, whether the answer was 2xx and its Cache-Status
 * @param onFailure is called with the error of a connection that broke
 */
export function openConnections(port, count, onAnswer, onFailure) {
  return Promise.all(Array.from({ length: count }, () => openConnection(port, onAnswer, onFailure)));
}

function openConnection(port, onAnswer, onFailure) {
  return new Promise((opened, failed) => {
    let fail = failed;
    let head = '';
    let received = 0;
    let expected = 0;

    function onBytes(length, buffer) {
      received += length;
      if (expected === 0) {
        head += buffer.latin1Slice(0, Math.min(length, headBytes));
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return true;
        head = head.slice(0, end);
        expected = end + 4 + Number(contentLength.exec(head)?.[1]);
      }
      if (received < expected) return true;
      const isOk = received === expected && head.charCodeAt(9) === 50;
      const outcome = cacheStatus.exec(head)?.[1];
      head = '';
      received = 0;
      expected = 0;
      onAnswer(connection, isOk, outcome);
      return true;
    }

    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: Buffer.allocUnsafe(bufferBytes), callback: onBytes } });
    /** `sentAt` is the sender's own note. */
    const connection = { sentAt: 0, send: (request) => socket.write(request, 'latin1'), close: () => socket.destroy() };
    socket.setTimeout(answerWithinMs, () => socket.destroy(new Error(`no answer within ${answerWithinMs / 1000} s`)));
    socket.once('error', (error) => fail(error));
    socket.once('close', () => fail(new Error('the server closed a connection')));
    socket.once('connect', () => {
      fail = onFailure;
      opened(connection);
    });
  });
}
