import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { signInFromAddress } from '../data/auth.ts';
import { createAppRouter, loadPages } from './router.tsx';
import { applyTheme } from './theme.ts';
import './styles.css';

applyTheme();
void signInFromAddress();
// A sign-in link opened in this tab changes only the fragment, which does not reload the page.
addEventListener('hashchange', () => void signInFromAddress());

// The other pages load after the first one, so that they do not delay it.
addEventListener('load', loadPages);

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <RouterProvider router={createAppRouter()} />
  </StrictMode>,
);
