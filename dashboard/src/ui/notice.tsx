import type { ReactNode } from 'react';
import { ApiError } from '../../../src/client/errors.ts';
import { visible } from '../../../src/domain/visible-text.ts';

/** An error with the server's title and message, and the fields that it names. */
export function ErrorNotice({ error, action }: { error: unknown; action?: ReactNode }) {
  const problem = error instanceof ApiError ? error.problem : null;
  return (
    <div role="alert" className="border-2 border-bad bg-bad-soft p-3">
      <p className="caps text-bad">{problem?.title ?? 'Something went wrong'}</p>
      <p className="mt-1 text-sm break-words">{visible(error instanceof Error ? error.message : String(error))}</p>
      {problem?.errors && (
        <ul className="mt-1 list-[square] pl-4 font-mono text-sm">
          {problem.errors.map((field) => (
            <li key={`${field.path} ${field.message}`}>
              {field.path ? `${field.path}: ` : ''}
              {field.message}
            </li>
          ))}
        </ul>
      )}
      {problem?.request_id && <p className="mt-1 font-mono text-xs text-mute">request {problem.request_id}</p>}
      {action && <div className="mt-3">{action}</div>}
    </div>
  );
}

/** A placeholder while data is loading. */
export function Loading({ what }: { what: string }) {
  return (
    <p role="status" className="caps flex items-center gap-2 p-4 text-mute">
      <span aria-hidden="true" className="blink size-2 bg-current" />
      Loading {what}
    </p>
  );
}

/** A placeholder for missing data, with advice in `children`. @param level if it is the page's heading */
export function Empty({ title, level, children }: { title: string; level?: 1; children?: ReactNode }) {
  const Title = level === 1 ? 'h1' : 'p';
  return (
    <div className="p-6 text-center">
      <Title className={level === 1 ? 'text-3xl font-black tracking-tight uppercase' : 'caps'}>{title}</Title>
      {children && <div className="mt-2 text-sm text-mute">{children}</div>}
    </div>
  );
}
