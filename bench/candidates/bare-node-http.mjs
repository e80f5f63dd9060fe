import { createServer } from 'node:http';
import { fixedHeaders, requestId } from './fixed-headers.mjs';
import { readRecording } from './recording.mjs';

/** What node:http costs as it is ordinarily used: look the path up, write the head, write the bytes. */
const answers = new Map();
for (const [path, { body, etag }] of readRecording(process.env.RECORDING)) {
  const bytes = Buffer.from(body);
  const headers = {
    'x-request-id': requestId,
    ...fixedHeaders,
    etag,
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length,
  };
  answers.set(path, { bytes, headers });
}

const server = createServer((request, response) => {
  const answer = answers.get(request.url);
  if (answer === undefined) response.writeHead(404, { 'content-length': 0 }).end();
  else response.writeHead(200, answer.headers).end(answer.bytes);
});
// As Fastify has it, because it stands in a header.
server.keepAliveTimeout = 72_000;
server.listen(Number(process.env.PORT), '127.0.0.1');
