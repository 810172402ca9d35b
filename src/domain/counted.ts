/**
 * A number of things in words.
 *
 * @param thing the singular, whose plural ends with `s`
 * @example counted(2, 'file') // '2 files'
 */
export function counted(count: number, thing: string): string {
  return `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`;
}
