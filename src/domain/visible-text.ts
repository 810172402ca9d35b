/**
 * Characters that a reader cannot see, or that move what the reader sees: control characters except tab and line feed,
 * and the marks that change the direction of text or have no width. A text with them can show another command than the
 * one that would run.
 */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/**
 * A text for eyes: each character that cannot be seen is named, such as `‹U+202E›`. For texts that a person reads to
 * decide on; the end of a line may be `\r\n`. Not for programs, which get the text as it is.
 *
 * @example visible('rm \u202E/tmp') // 'rm ‹U+202E›/tmp'
 */
export function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(UNSEEN, (character) => `‹${nameOf(character)}›`);
}

function nameOf(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** The characters of a value and its members that cannot be seen, each once, such as `U+202E`. */
function unseenIn(value: unknown): string[] {
  if (typeof value === 'string') return [...new Set(value.replaceAll('\r\n', '\n').match(UNSEEN)?.map(nameOf))];
  if (typeof value !== 'object' || value === null) return [];
  return [...new Set(Object.entries(value).flatMap((member) => member.flatMap(unseenIn)))];
}

/** What an approval shows to the person who decides. */
interface Asked {
  title: string;
  patterns: unknown;
  always: unknown;
  questions: unknown;
  detail: unknown;
}

/** A warning for the person who decides, if the request has characters that cannot be seen; otherwise null. */
export function unseenWarning({ title, patterns, always, questions, detail }: Asked): string | null {
  const unseen = unseenIn([title, patterns, always, questions, detail]);
  return unseen.length === 0 ? null : `The request has characters that cannot be seen: ${unseen.join(', ')}.`;
}
