/** Whether a path could leave its folder: absolute ones, those with `..`, addresses. */
export function isOutside(path: string): boolean {
  return /^([/\\]|[a-z][a-z\d+.-]*:)|(^|[/\\])\.\.([/\\]|$)|\0/i.test(path);
}
