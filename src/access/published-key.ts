/** The key of the local stack (`deploy/local-admin-key`), which everybody can read who can read the source. */
const published = 'local-stack-only-not-a-secret-0123456789';

/** Whether this key keeps nobody out, being no secret. It is taken all the same: on a machine of one's own that is what it is for. */
export function isPublished(key: string): boolean {
  return key === published;
}
