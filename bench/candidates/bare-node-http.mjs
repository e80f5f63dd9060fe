import { createServer } from 'node:http';
import { fixedHeaders, requestId } from './fixed-headers.mjs';
import { readRecording } from './recording.mjs';

/** The least a Node server can do: look the path up, write the head, write the bytes. */
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

createServer((request, response) => {
  const answer = answers.get(request.url);
  if (answer === undefined) response.writeHead(404, { 'content-length': 0 }).end();
  else response.writeHead(200, answer.headers).end(answer.bytes);
}).listen(Number(process.env.PORT), '127.0.0.1');
