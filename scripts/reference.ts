/** The API's reference as files beside the dashboard's, so that the Worker does not have to contain what makes them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { renderReference } from '../src/http/docs/render.ts';
import { STYLESHEET } from '../src/http/docs/stylesheet.ts';
import { describeApi } from '../src/http/openapi.ts';

/** Writes the description for programs, and the page for people with its style sheet, into the directory of the assets. */
export function writeReference(assets: string): void {
  const described = describeApi();
  const files = {
    'openapi.json': JSON.stringify(described),
    'docs.html': renderReference(described),
    'docs/style.css': STYLESHEET,
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(assets, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
