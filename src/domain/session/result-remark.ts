/** What a person should know about a result beside its text; empty when there is nothing. */
export function resultRemark(result: Readonly<Record<string, unknown>>): string {
  return result.files_changed === 0 ? 'No files changed.' : '';
}
