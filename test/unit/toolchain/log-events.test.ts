import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface LogEvent {
  event: string;
  /** Empty if the code computes the level. */
  levels: string[];
}

/** The arguments of a call, from the position after its parenthesis, split at commas outside brackets and quotes. */
function argumentsAt(source: string, start: number): string[] {
  const args = [''];
  let depth = 0;
  let quote: string | null = null;
  for (let at = start; at < source.length; at++) {
    const char = source[at]!;
    if (quote !== null) quote = char === quote ? null : quote;
    else if (`'"\``.includes(char)) quote = char;
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char) && --depth < 0) return args;
    else if (char === ',' && depth === 0) {
      args.push('');
      continue;
    }
    args[args.length - 1] += char;
  }
  throw new Error('a call without an end');
}

/** The quoted words that an argument may evaluate to, without those that it compares with. */
function wordsOf(argument = ''): string[] {
  const outcome = argument.includes('?') ? argument.slice(argument.indexOf('?')) : argument;
  return [...outcome.matchAll(/'([a-z_]+)'/g)].map(([, word]) => word!);
}

/** The events of all calls of a logger in the sources. */
function eventsOf(sources: readonly string[]): LogEvent[] {
  return sources.flatMap((source) =>
    [...source.matchAll(/(?<![\w'])logger\(/g)].flatMap((call) => {
      const [level, event, fields] = argumentsAt(source, call.index + call[0].length);
      if (fields === undefined) return [];
      return wordsOf(event).map((name) => ({ event: name, levels: wordsOf(level) }));
    }),
  );
}

/** The rows of the catalogue's tables: | `event` | level | … */
function eventsIn(catalogue: string): LogEvent[] {
  return [...catalogue.matchAll(/^\| `([a-z_]+)` \| ([a-z, ]+) \|/gm)].map(([, event, levels]) => ({
    event: event!,
    levels: levels!.split(',').map((level) => level.trim()),
  }));
}

const written = eventsOf(
  globSync('{src,durable-objects}/**/*.ts').map((path) =>
    readFileSync(path, 'utf8').replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, ''),
  ),
);
const catalogued = eventsIn(readFileSync('docs/debugging.md', 'utf8'));
const names = (events: LogEvent[]) => [...new Set(events.map(({ event }) => event))].sort();

it('the check finds the events of logger calls in every form', () => {
  const calls = `
    logger('info', 'plain', { a: 1 });
    platform.logger(status >= 500 ? 'error' : 'info', 'by_level', {});
    this.#logger('warn', lost === 'lost' ? 'lost_one' : 'other_one', { text: ')' });
    logger(level, event, fields);
    notALogger('info', 'nothing', {});
  `;
  expect(eventsOf([calls])).toEqual([
    { event: 'plain', levels: ['info'] },
    { event: 'by_level', levels: ['error', 'info'] },
    { event: 'lost_one', levels: ['warn'] },
    { event: 'other_one', levels: ['warn'] },
  ]);
});

it('the catalogue of log events has exactly the events that the Worker and its objects write', () => {
  expect(names(catalogued)).toEqual(names(written));
});

it('the catalogue of log events has the levels of each event', () => {
  for (const { event, levels } of written) {
    const entry = catalogued.find((known) => known.event === event);
    expect(entry?.levels, event).toEqual(expect.arrayContaining(levels));
  }
});
