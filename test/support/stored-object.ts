import { readFileSync } from 'node:fs';
import { NodePlatform } from './node-platform.ts';

/**
 * The platform of an object whose storage is in an SQL file, at the time in its first line (`-- clock: <ms>`). The file
 * has no alarm, because a runtime sets the alarm again when it starts.
 */
export function storedObject(sqlFile: URL): NodePlatform {
  const sql = readFileSync(sqlFile, 'utf8');
  return new NodePlatform({ sql, now: Number(/^-- clock: (\d+)$/m.exec(sql)?.[1]) });
}
