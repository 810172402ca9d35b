import chromium from '@sparticuz/chromium';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { countServer } from '../../support/servers.ts';

/**
 * Starts Chromium from npm, which runs as root and without a display. `CHROME_PATH` names another one, for machines for
 * which npm has none.
 */
export async function launchBrowser(): Promise<Browser> {
  countServer('browser');
  const executablePath = process.env.CHROME_PATH || (await chromium.executablePath());
  return playwright.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}

/** Collects a page's errors, except failed requests, which are normal while a server is down. */
export function listenForComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    const text = message.text();
    const network = text.startsWith('Failed to load resource') || text.startsWith('WebSocket connection to');
    if (message.type() === 'error' && !network) complaints.push(text);
  });
  return complaints;
}
