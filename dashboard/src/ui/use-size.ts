import { type RefObject, useEffect } from 'react';

/**
 * Calls `onSize` when the size of an element, or of its first child, is known and when it changes. The browser calls it
 * after its own layout, so that a page of many such elements lays out once.
 */
export function useSize(element: RefObject<HTMLElement | null>, onSize: (element: HTMLElement) => void): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the callbacks of this page only set state
  useEffect(() => {
    const target = element.current;
    if (!target) return;
    const observer = new ResizeObserver(() => onSize(target));
    observer.observe(target);
    if (target.firstElementChild) observer.observe(target.firstElementChild);
    return () => observer.disconnect();
  }, [element]);
}
