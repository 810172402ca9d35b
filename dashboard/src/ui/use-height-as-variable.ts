import { type RefObject, useLayoutEffect } from 'react';

/**
 * Keeps an element's height in a CSS variable of the document, so that what sticks below it knows where.
 *
 * @param variable such as `--header`
 */
export function useHeightAsVariable(element: RefObject<HTMLElement | null>, variable: `--${string}`): void {
  useLayoutEffect(() => {
    const { style } = document.documentElement;
    const target = element.current;
    if (!target) return;
    const measure = () => style.setProperty(variable, `${target.offsetHeight}px`);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(target);
    return () => {
      observer.disconnect();
      style.removeProperty(variable);
    };
  }, [element, variable]);
}
