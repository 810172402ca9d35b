import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Client } from '../../../src/client/client.ts';
import { launchBrowser, listenForComplaints } from './browser.ts';

const WAIT_MS = 45_000;

/** The control plane that serves the dashboard. */
export interface DashboardServer {
  url: string;
  /** A client with the admin token. */
  client: Client;
}

/** A new page of the dashboard, with its elements and actions. */
export class Dashboard {
  readonly page: Page;
  readonly #server: DashboardServer;

  constructor(page: Page, server: DashboardServer) {
    this.page = page;
    this.#server = server;
  }

  /** A link that signs in the first person who opens it. */
  async signInAddress(): Promise<string> {
    const { code } = await this.#server.client.codes.create();
    return `${this.#server.url}/#code=${code}`;
  }

  async signIn(): Promise<void> {
    await this.page.goto(await this.signInAddress());
    await this.showsSessions();
  }

  showsSessions(): Promise<void> {
    return this.page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  }

  /** Makes a session over the API, opens its page, and starts it: the page sees it from its beginning on. */
  async openSession(title: string, prompt: string, permissions = {}): Promise<string> {
    const { client } = this.#server;
    const { id } = await client.sessions.create({ title, initial_prompt: prompt, agent_config: { permissions } });
    await this.signIn();
    await this.page.getByRole('link', { name: title }).click();
    await this.page.getByRole('heading', { name: title }).waitFor();
    await client.sessions.act(id, 'start');
    return id;
  }

  headerStatus(): Locator {
    return this.page.locator('header [data-status]');
  }

  hasStatus(status: string): Promise<void> {
    return this.page.locator(`header [data-status="${status}"]`).waitFor();
  }

  isLive(): Promise<void> {
    return this.page.locator('[data-connection="live"]').waitFor();
  }

  transcript(): Locator {
    return this.page.getByRole('list', { name: 'Transcript' });
  }

  /** A text of the agent. A prompt with the same text does not count. */
  said(text: string): Locator {
    return this.transcript().locator('[data-kind="text"]', { hasText: text });
  }

  toolCall(tool: string, text: string): Locator {
    return this.transcript().locator(`[data-tool="${tool}"]`, { hasText: text });
  }

  /** A task in the list of tasks. */
  task(title: string): Locator {
    return this.page.getByRole('list', { name: 'Tasks' }).getByRole('listitem').filter({ hasText: title });
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** The lengths of an element's text, from now until it contains `end`. */
  async growthOf(part: Locator, end: string): Promise<number[]> {
    const lengths: number[] = [];
    await expect
      .poll(
        async () => {
          const text = (await part.textContent()) ?? '';
          if (text.length !== lengths.at(-1)) lengths.push(text.length);
          return text;
        },
        { timeout: WAIT_MS, interval: 50 },
      )
      .toContain(end);
    return lengths;
  }
}

/** Creates a separate context in the file's browser, in which nobody is signed in. */
export type NewContext = () => Promise<BrowserContext>;

/** `it` for tests that each use a new page in the file's browser. An error of the page fails its test. */
export function dashboardTests(server: () => DashboardServer) {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  const newContext = async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark' });
    context.setDefaultTimeout(WAIT_MS);
    return context;
  };
  return it.extend<{ newContext: NewContext; page: Page; dashboard: Dashboard }>({
    // biome-ignore lint/correctness/noEmptyPattern: Vitest reads a fixture's dependencies from the pattern.
    newContext: async ({}, use) => {
      const contexts: BrowserContext[] = [];
      await use(async () => {
        const context = await newContext();
        contexts.push(context);
        return context;
      });
      await Promise.all(contexts.map((context) => context.close()));
    },
    page: async ({ newContext }, use) => {
      const page = await (await newContext()).newPage();
      const complaints = listenForComplaints(page);
      await use(page);
      expect(complaints).toEqual([]);
    },
    dashboard: async ({ page }, use) => use(new Dashboard(page, server())),
  });
}
