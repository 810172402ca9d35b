import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';

const NEAR_END_PX = 60;

/**
 * Scrolls to new content while the end is in view, so that it does not disturb a user who reads elsewhere.
 *
 * @param content changes whenever the content or its height does
 * @param grows whether new content is expected: if so, the reader begins at the end
 */
export function useFollowEnd(end: RefObject<HTMLElement | null>, content: readonly unknown[], grows: boolean) {
  const following = useRef(grows);
  const lastScroll = useRef(0);
  const [atEnd, setAtEnd] = useState(true);
  const toEnd = useCallback(() => {
    following.current = true;
    end.current?.scrollIntoView({ block: 'end' });
  }, [end]);
  const isNear = useCallback(() => {
    const top = end.current?.getBoundingClientRect().top ?? 0;
    return { near: top < window.innerHeight + NEAR_END_PX, above: top <= 0 };
  }, [end]);
  useEffect(() => {
    const onScroll = () => {
      const { near, above } = isNear();
      // Only the user scrolls up. Content that grows moves the end away from a reader who follows it.
      if (near) following.current = !above;
      else if (window.scrollY < lastScroll.current) following.current = false;
      lastScroll.current = window.scrollY;
      setAtEnd(near);
    };
    window.addEventListener('scroll', onScroll, { passive: true });
    return () => window.removeEventListener('scroll', onScroll);
  }, [isNear]);
  useLayoutEffect(() => {
    if (following.current) end.current?.scrollIntoView({ block: 'nearest' });
    const { near } = isNear();
    if (near && grows) following.current = true;
    setAtEnd(near);
  }, [...content, end, grows, isNear]);
  return { atEnd, toEnd };
}
