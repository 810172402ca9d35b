import { spawn } from 'node:child_process';
import type { Client } from '../../src/client/client.ts';
import { ApiError } from '../../src/client/errors.ts';
import { defineCommand, exitCode, parseWord } from '../command.ts';
import { connectClient, findConnection, signInLink } from '../connection.ts';
import { say } from '../terminal.ts';
import { connectionDetails, sessionIdOf } from './session/common.ts';

/** The program that opens a page in the user's browser, by platform. */
const OPENERS: Readonly<Record<string, string>> = { darwin: 'open', win32: 'explorer', linux: 'xdg-open' };

/** The roles of people. A token of an agent cannot read the list of sessions. */
const ROLES = ['viewer', 'operator', 'admin'] as const;

const OPENER_LIMIT_MS = 3_000;

export const open = defineCommand({
  summary: 'Open the dashboard in the browser, signed in',
  usage: ['open [session]', 'open [session] --role <role> [--print]'],
  details: `${connectionDetails} Without an admin token, the dashboard asks for a token.
With --role and --print, you get an address for somebody else: it signs one person in with this role.`,
  arguments: { session: 'optional' },
  options: {
    role: { type: 'string', placeholder: 'role', description: `Sign in as one of ${ROLES.join(', ')} (admin)` },
    print: { type: 'boolean', default: false, description: 'Print the address, and open no browser' },
  },
  async run({ args, values }) {
    const role = values.role === undefined ? undefined : parseWord('role', values.role, ROLES);
    const connection = findConnection(process.env);
    const client = connectClient(connection);
    const page = args.session === undefined ? '' : `sessions/${await sessionIdOf(client, args.session)}`;
    const url = `${connection.url}/${page}`;
    const signedIn = await signedInPage(client, url, role);
    const isOpened = !values.print && (await openInBrowser(signedIn));
    say('open', isOpened ? url : signedIn);
    return exitCode.ok;
  },
});

/** The page with a one-time sign-in code; without the right to create one, the page itself. */
async function signedInPage(client: Client, page: string, role?: (typeof ROLES)[number]): Promise<string> {
  try {
    return signInLink(page, (await client.codes.create(role && { role })).code);
  } catch (error) {
    if (error instanceof ApiError && error.status === 403 && role === undefined) return page;
    throw error;
  }
}

/** Whether a program has opened the page. It ends at once where there is no desktop, and an open browser may stay. */
function openInBrowser(url: string): Promise<boolean> {
  const opener = OPENERS[process.platform];
  if (opener === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
    const limit = setTimeout(() => resolve(true), OPENER_LIMIT_MS);
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
    child.once('close', () => clearTimeout(limit));
    child.unref();
  });
}
