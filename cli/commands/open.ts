import { spawn } from 'node:child_process';
import type { Client } from '../../src/client/client.ts';
import { ApiError } from '../../src/client/errors.ts';
import { defineCommand, exitCode } from '../command.ts';
import { connectClient, findConnection, signInLink } from '../connection.ts';
import { say } from '../terminal.ts';
import { connectionDetails, sessionIdOf } from './session/common.ts';

/** The program that opens a page in the user's browser, by platform. */
const OPENERS: Readonly<Record<string, string>> = { darwin: 'open', win32: 'explorer', linux: 'xdg-open' };

const OPENER_LIMIT_MS = 3_000;

export const open = defineCommand({
  summary: 'Open the dashboard in the browser, signed in',
  usage: ['open [session]'],
  details: `${connectionDetails} Without an admin token, the dashboard asks for a token.`,
  arguments: { session: 'optional' },
  options: {},
  async run({ args }) {
    const connection = findConnection(process.env);
    const client = connectClient(connection);
    const page = args.session === undefined ? '' : `sessions/${await sessionIdOf(client, args.session)}`;
    const url = `${connection.url}/${page}`;
    const signedIn = await signedInPage(client, url);
    const isOpened = await openInBrowser(signedIn);
    say('open', isOpened ? url : signedIn);
    return exitCode.ok;
  },
});

/** The page with a one-time sign-in code; without the right to create one, the page itself. */
async function signedInPage(client: Client, page: string): Promise<string> {
  try {
    return signInLink(page, (await client.codes.create()).code);
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return page;
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
