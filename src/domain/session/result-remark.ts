/** A remark about a result that its text may not mention; empty if there is none. */
export function resultRemark(result: Readonly<Record<string, unknown>>): string {
  return result.files_changed === 0 ? 'No files changed.' : '';
}
