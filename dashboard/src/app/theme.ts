/** The color theme. It follows the system until the user chooses one. */
export type Theme = 'dark' | 'light';

const KEY = 'oio.theme';

function stored(): Theme | null {
  const value = localStorage.getItem(KEY);
  return value === 'dark' || value === 'light' ? value : null;
}

/** The chosen theme, otherwise the system's. */
export function currentTheme(): Theme {
  return stored() ?? (matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark');
}

/** Applies a theme to the page. Null leaves the choice to the system. */
export function applyTheme(theme: Theme | null = stored()): void {
  if (theme) document.documentElement.dataset.theme = theme;
}

/** Stores the user's choice and applies it. */
export function chooseTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  applyTheme(theme);
}
