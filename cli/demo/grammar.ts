/** The instruction in one line of a prompt to the scripted model. Lines that match no directive are ignored. */
export type Directive =
  | { kind: 'tool'; tool: string; input: Record<string, unknown>; done: string }
  | { kind: 'say' | 'think'; text: string }
  | { kind: 'slow'; chunks: number; pauseMs: number }
  | { kind: 'fail'; status: number; retryAfterSeconds: number | null }
  | { kind: 'hang' | 'drop' };

/** One model turn: the text that the model says first, and the tool call or failure that ends the turn. */
export interface Turn {
  lead: Directive[];
  act: Directive;
}

export const GRAMMAR = [
  'write <file>: <text>       create or replace a file (\\n starts a new line)',
  'append <file>: <text>      add a line to a file',
  'read <file>                read a file',
  'run <command>              run a shell command',
  'ask <permission>[: <what>] do something that needs the permission: bash, edit, webfetch, external_directory',
  'question <text>? <a> | <b> ask a question with choices',
  'todo <item>; <item>        write a todo list',
  'task <prompt>              give a prompt to a sub-agent',
  'tool <name> <JSON>         call any other tool, such as one of an MCP server',
  'say <text>                 say something before the next step',
  'think <text>               reason before the next step',
  'slow <chunks> <ms>         stream words slowly',
  'fail <status> [seconds]    answer with an HTTP error (and Retry-After)',
  'hang | drop                never answer | drop the connection in the middle of the answer',
] as const;

type Parser = (argument: string, directory: string) => Directive | null;

const parsers: Readonly<Record<string, Parser>> = {
  write: fileAndText((path, text, name) => tool('write', { filePath: path, content: `${text}\n` }, `wrote ${name}`)),
  append: fileAndText((path, text, name) =>
    tool('bash', shell(`printf '%s\\n' ${quote(text)} >> ${quote(path)}`), `appended to ${name}`),
  ),
  read: (argument, directory) => tool('read', { filePath: absolute(argument, directory) }, `read ${argument}`),
  run: (command) => tool('bash', shell(command), `ran \`${command}\``),
  ask: parseAsk,
  question: parseQuestion,
  todo: parseTodo,
  task: (prompt) =>
    tool(
      'task',
      { description: 'Scripted sub-task', prompt: prompt.replaceAll('\\n', '\n'), subagent_type: 'general' },
      `had a sub-agent do: ${prompt}`,
    ),
  tool: parseTool,
  say: (text) => ({ kind: 'say', text }),
  think: (text) => ({ kind: 'think', text }),
  slow: (argument) => {
    const [chunks, pauseMs] = argument.split(/\s+/).map(Number);
    return chunks && pauseMs ? { kind: 'slow', chunks, pauseMs } : null;
  },
  fail: (argument) => {
    const [status, seconds] = argument.split(/\s+/).map(Number);
    return status ? { kind: 'fail', status, retryAfterSeconds: seconds ?? null } : null;
  },
};

/** The turns that a prompt asks for, in order. `tail` is the text before the final answer. */
export function parsePrompt(prompt: string, directory: string): { turns: Turn[]; tail: Directive[] } {
  const turns: Turn[] = [];
  let lead: Directive[] = [];
  for (const line of prompt.split('\n')) {
    const directive = parseLine(line.trim(), directory);
    if (directive === null) continue;
    if (directive.kind === 'say' || directive.kind === 'think' || directive.kind === 'slow') {
      lead.push(directive);
    } else {
      turns.push({ lead, act: directive });
      lead = [];
    }
  }
  return { turns, tail: lead };
}

function parseLine(line: string, directory: string): Directive | null {
  if (line === 'hang' || line === 'drop') return { kind: line };
  const match = /^(\w+)\s+(.+)$/.exec(line);
  if (match === null) return null;
  const [, word = '', argument = ''] = match;
  return Object.hasOwn(parsers, word) ? (parsers[word]?.(argument, directory) ?? null) : null;
}

function tool(name: string, input: Record<string, unknown>, done: string): Directive {
  return { kind: 'tool', tool: name, input, done };
}

function shell(command: string): Record<string, unknown> {
  return { command, description: command.slice(0, 80) };
}

function absolute(path: string, directory: string): string {
  return path.startsWith('/') ? path : `${directory}/${path}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fileAndText(make: (path: string, text: string, name: string) => Directive): Parser {
  return (argument, directory) => {
    const [, name, text = ''] = /^(\S+?):\s?(.*)$/.exec(argument) ?? [];
    return name === undefined ? null : make(absolute(name, directory), text.replaceAll('\\n', '\n'), name);
  };
}

function parseAsk(argument: string, directory: string): Directive | null {
  const match = /^(\w+)(?::\s*(.*))?$/.exec(argument);
  const [, permission, what] = match ?? [];
  switch (permission) {
    case 'bash':
      return tool('bash', shell(what ?? 'echo asked'), `ran \`${what ?? 'echo asked'}\``);
    case 'edit': {
      const name = what ?? 'asked.txt';
      return tool('write', { filePath: absolute(name, directory), content: 'asked\n' }, `wrote ${name}`);
    }
    case 'webfetch':
      return tool('webfetch', { url: what ?? 'http://127.0.0.1/', format: 'text' }, `fetched ${what ?? 'a page'}`);
    case 'external_directory':
      return tool('read', { filePath: what ?? '/etc/hostname' }, `read ${what ?? '/etc/hostname'}`);
    default:
      return null;
  }
}

function parseQuestion(argument: string): Directive | null {
  const match = /^([^?]+\?)\s*(.*)$/.exec(argument);
  if (match === null) return null;
  const [, question = '', choices = ''] = match;
  const options = choices
    .split('|')
    .map((choice) => choice.trim())
    .filter(Boolean)
    .map((label) => ({ label, description: label }));
  return tool('question', { questions: [{ question, header: 'Question', options }] }, `asked: ${question}`);
}

function parseTool(argument: string): Directive | null {
  const [, name = '', json = ''] = /^([\w-]+)\s+(\{.*\})$/.exec(argument) ?? [];
  try {
    return name === '' ? null : tool(name, JSON.parse(json), `called ${name}`);
  } catch {
    return null;
  }
}

function parseTodo(argument: string): Directive {
  const todos = argument
    .split(';')
    .map((item) => item.trim())
    .filter(Boolean)
    .map((content, index) => ({ content, status: index === 0 ? 'in_progress' : 'pending', priority: 'medium' }));
  return tool('todowrite', { todos }, `wrote a todo list of ${todos.length}`);
}
