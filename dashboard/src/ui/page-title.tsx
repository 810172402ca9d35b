import { useWaiting } from '../data/waiting.tsx';

/** The title of the tab, with the number of sessions that wait for an answer. */
export function PageTitle({ text }: { text: string }) {
  const { total } = useWaiting();
  return <title>{total > 0 ? `(${total}) ${text}` : text}</title>;
}
