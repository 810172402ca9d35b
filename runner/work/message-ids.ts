import { createHash } from 'node:crypto';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const NAME_CHARS = 14;
const TIME_MASK = 0xffff_ffff_ffffn;
const TICKS_PER_MS = 4_096n;

/**
 * The part of a prompt's message id that depends only on the prompt's identity, as 14 base62 characters. Any process on
 * any machine that posts the same prompt finds it by this name.
 */
export function promptName(...identity: (string | number)[]): string {
  const digest = createHash('sha256').update(identity.join(' ')).digest();
  return Array.from(digest.subarray(0, NAME_CHARS), (byte) => BASE62[byte % BASE62.length]).join('');
}

/**
 * A message id in OpenCode's format: 48 bits of time as hex, then the name. OpenCode orders messages by time, then by
 * id, so the id's time is always later than that of the conversation's last message.
 *
 * @param now milliseconds since the epoch
 * @param lastId the id of the conversation's newest message; null when the conversation is empty
 */
export function promptMessageId(name: string, now: number, lastId: string | null): string {
  const ticks = (BigInt(now) * TICKS_PER_MS) & TIME_MASK;
  const last = lastId === null ? 0n : BigInt(`0x${lastId.slice(4, 16)}`);
  const time = ticks > last ? ticks : last + 1n;
  return `msg_${time.toString(16).padStart(12, '0')}${name}`;
}

/** Whether the message is the prompt with this name. */
export function isPromptNamed(messageId: string, name: string): boolean {
  return messageId.slice(16) === name;
}
