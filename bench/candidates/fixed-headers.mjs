/** What is the same in every answer of a product or a listing, from every candidate. */
export const fixedHeaders = {
  'cache-status': 'truetag; hit; detail=memory',
  'cache-control': 'private, no-cache',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export const requestId = '7e9a1c54-3b0f-4d62-8f3e-2a6b9c0d1e5f';
