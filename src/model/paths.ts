/**
 * Whether a path could leave its folder: absolute ones, those with `..`, addresses. Also what becomes one
 * of these as part of an address: there `%2e` is a dot, and spaces around and control characters go.
 */
export function isOutside(path: string): boolean {
  return /^([/\\]|[a-z][a-z\d+.-]*:)|(^|[/\\])(\.|%2e){2}([/\\]|$)|\p{Cc}/iu.test(path.trim());
}

/** What messages call a Blob. */
export function nameOf(blob: Blob): string {
  return blob instanceof File ? blob.name : 'the given Blob';
}
