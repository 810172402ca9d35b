import { expect, test } from 'vitest';
import { type Message, MessageQueue } from '../../../runner/work/message-queue.ts';

const message = (number: number): Message => ({ number, text: `message ${number}`, delivery: 'follow_up' });

function queueOf(...messages: Message[]): MessageQueue {
  const queue = new MessageQueue(0);
  for (const each of messages) queue.push(each);
  return queue;
}

test('messages up to an assignment’s last completed one do not run again', () => {
  const queue = new MessageQueue(2);
  for (const number of [1, 2, 3]) queue.push(message(number));
  expect(queue.next()?.number).toBe(3);
  expect(queue.next()).toBeUndefined();
});

test('a message that was steered past a waiting one counts as done only when the waiting one is done too', () => {
  const queue = queueOf(message(1), message(2));
  queue.beginTurn(queue.next()!);
  queue.addToTurn([message(3)]);
  queue.endTurn();
  expect(queue.done).toBe(1);
  queue.push(message(3));
  queue.beginTurn(queue.next()!);
  queue.endTurn();
  expect(queue.done).toBe(3);
  expect(queue.next()).toBeUndefined();
});

test('a waiting message that is already in the conversation needs no turn', () => {
  const [first, second, third] = [message(1), message(2), message(3)] as const;
  const queue = queueOf(first, second, third);
  queue.beginTurn(queue.next()!);
  queue.addToTurn([second]);
  queue.endTurn();
  expect(queue.done).toBe(2);
  expect(queue.next()).toBe(third);
});

test('a steered message that a restart lost waits again, before all other messages', () => {
  const [first, second, third] = [message(1), message(2), message(3)] as const;
  const queue = queueOf(first, second);
  queue.beginTurn(queue.next()!);
  queue.addToTurn([third]);
  queue.removeFromTurn([third]);
  queue.endTurn();
  expect(queue.done).toBe(1);
  expect([queue.next(), queue.next()]).toEqual([third, second]);
});

test('messages are done in spite of gaps between their numbers, which those of other tasks leave', () => {
  const queue = queueOf(message(4), message(9), message(12));
  queue.beginTurn(queue.next()!);
  queue.addToTurn([message(12)]);
  queue.endTurn();
  expect(queue.done).toBe(4);
  queue.beginTurn(queue.next()!);
  queue.endTurn();
  expect(queue.done).toBe(12);
});
