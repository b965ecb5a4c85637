/**
 * Trusted Types: a page may demand (`require-trusted-types-for 'script'`) that a worker's address
 * come from a named policy. Page and worker code.
 */

/** The part of the API that is used here; not all of the TypeScript libraries have it. */
interface PolicyFactory {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): object };
}

/** What a page that limits policies by name has to allow. */
const policyName = 'tabserve';

let policy: ReturnType<PolicyFactory['createPolicy']> | null | undefined;

/**
 * `url` as `new Worker()` wants it. Only for scripts of tabserve's own.
 *
 * Where the page does not allow the policy, the plain address is given: `new Worker()` then says so.
 */
export function trustedScriptUrl(url: string): string {
  policy ??= createPolicy();
  return policy ? (policy.createScriptURL(url) as unknown as string) : url;
}

function createPolicy() {
  const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };
  try {
    return trustedTypes?.createPolicy(policyName, { createScriptURL: (url) => url }) ?? null;
  } catch {
    return null;
  }
}
