/** Vitest reporter: writes the results of each test file for `scripts/test.ts` to the path in `TEST_REPORT_FILE`. */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

export interface FileReport {
  project: string;
  path: string;
  passed: number;
  failed: number;
  /** The time of the file's import, hooks and tests. */
  duration_ms: number;
}

function reportOf(module: TestModule): FileReport {
  const tests = [...module.children.allTests()].map((test) => test.result().state);
  const { duration, collectDuration, setupDuration } = module.diagnostic();
  return {
    project: module.project.name,
    path: relative(process.cwd(), module.moduleId),
    passed: tests.filter((state) => state === 'passed').length,
    failed: tests.filter((state) => state === 'failed').length,
    duration_ms: Math.round(duration + collectDuration + setupDuration),
  };
}

export default class implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const path = process.env.TEST_REPORT_FILE;
    if (path) writeFileSync(path, JSON.stringify(modules.map(reportOf)));
  }
}
