/** The color theme. It follows the system until the user chooses one. */
export type Theme = 'dark' | 'light';

const KEY = 'oio.theme';

function stored(): Theme | null {
  const value = localStorage.getItem(KEY);
  return value === 'dark' || value === 'light' ? value : null;
}

export function currentTheme(): Theme {
  return stored() ?? (matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark');
}

export function applyTheme(theme: Theme | null = stored()): void {
  if (theme) document.documentElement.dataset.theme = theme;
}

export function chooseTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  applyTheme(theme);
}
