import { clsx } from 'clsx';
import { Markdown as Compiled } from 'markdown-to-jsx/react';
import { type ComponentProps, memo, type ReactNode } from 'react';
import { visible } from '../../../src/domain/visible-text.ts';
import { ScrollPre } from './scroll-pre.tsx';

/** Longer texts are shown as they are, because their layout would stop the page. */
const MARKDOWN_CHARS_MAX = 50_000;

interface Part {
  children?: ReactNode;
}

/** A heading of the agent. It is no heading of the page, whose outline it would break. */
function Heading({ children }: Part) {
  return <p className="mt-3 font-black first:mt-0">{children}</p>;
}

const tag = (Tag: 'p' | 'ul' | 'ol' | 'blockquote' | 'td' | 'th' | 'hr' | 'li', look: string) =>
  function Styled({ children }: Part) {
    return Tag === 'hr' ? <hr className={look} /> : <Tag className={look}>{children}</Tag>;
  };

const OVERRIDES = {
  ...Object.fromEntries(['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name) => [name, Heading])),
  p: tag('p', 'mt-2 first:mt-0'),
  ul: tag('ul', 'mt-2 list-[square] space-y-1 pl-5 first:mt-0'),
  ol: tag('ol', 'mt-2 list-decimal space-y-1 pl-6 first:mt-0'),
  li: tag('li', 'break-words'),
  blockquote: tag('blockquote', 'mt-2 border-l-4 border-faint pl-3 text-mute first:mt-0'),
  th: tag('th', 'border-2 border-faint px-2 py-1 text-left'),
  td: tag('td', 'border-2 border-faint px-2 py-1'),
  hr: tag('hr', 'my-3 border-t-2 border-faint'),
  a: ({ href, children }: Part & { href?: string }) => (
    <a href={href} target="_blank" rel="noopener noreferrer" className="underline underline-offset-2">
      {children}
    </a>
  ),
  // The page loads nothing from elsewhere, so an image is its link.
  img: ({ src, alt }: ComponentProps<'img'>) => (
    <a href={src} target="_blank" rel="noopener noreferrer" className="underline underline-offset-2">
      {alt || src}
    </a>
  ),
  pre: ({ children }: Part) => (
    <ScrollPre className="mt-2 border-2 border-faint bg-shade p-2 first:mt-0 [&>code]:border-0 [&>code]:bg-transparent [&>code]:p-0">
      {children}
    </ScrollPre>
  ),
  code: ({ children }: Part) => (
    <code className="border border-faint bg-shade px-1 font-mono text-[0.85em] wrap-anywhere">{children}</code>
  ),
  table: ({ children }: Part) => (
    <div className="mt-2 overflow-x-auto first:mt-0">
      <table className="text-sm">{children}</table>
    </div>
  ),
  input: ({ checked }: ComponentProps<'input'>) => <span>{checked ? '☑ ' : '☐ '}</span>,
};

/** A text of the agent as Markdown. HTML in it is text, and links lead only to web pages. */
export const Markdown = memo(function Markdown({ text, className }: { text: string; className?: string }) {
  const shown = visible(text);
  if (shown.length > MARKDOWN_CHARS_MAX)
    return <p className={clsx('break-words whitespace-pre-wrap', className)}>{shown}</p>;
  return (
    <Compiled
      options={{
        forceBlock: true,
        forceWrapper: true,
        wrapper: 'div',
        disableParsingRawHTML: true,
        overrides: OVERRIDES,
      }}
      className={clsx('break-words', className)}
    >
      {shown}
    </Compiled>
  );
});
