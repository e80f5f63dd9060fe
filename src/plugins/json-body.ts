import { isUtf8 } from 'node:buffer';
import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';

/** Deeper than any document of ours; without a limit the checks behind it would run out of stack. */
const maxDepth = 40;

/** The JSON body parser of Fastify, which refuses prototype poisoning, for bytes that are UTF-8, behind a limit on nesting. */
export const jsonBodyPlugin = plugin(async (app) => {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const text = body.toString();
    // Decoding would put a replacement character where the caller meant another, and nobody would be told.
    if (!isUtf8(body as Buffer)) done(new AppError('invalid', 'The body is not UTF-8'));
    else if (isDeeper(text)) done(new AppError('invalid', `The body is nested deeper than ${maxDepth} levels`));
    else void parse(request, text, done);
  });
});

function isDeeper(json: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < json.length; i += 1) {
    const character = json.charCodeAt(i);
    if (isInString) {
      if (character === 92) i += 1;
      else if (character === 34) isInString = false;
    } else if (character === 34) isInString = true;
    else if (character === 91 || character === 123) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (character === 93 || character === 125) depth -= 1;
  }
  return false;
}
