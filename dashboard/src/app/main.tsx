import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { signInFromAddress } from '../data/auth.ts';
import { createAppRouter, loadPages } from './router.tsx';
import { applyTheme } from './theme.ts';
import './styles.css';

applyTheme();
void signInFromAddress();
// If a sign-in link is opened in this tab, only the fragment changes, and the page does not reload.
addEventListener('hashchange', () => void signInFromAddress());

// The other pages load after the first one, so that they do not delay it.
addEventListener('load', loadPages);

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <RouterProvider router={createAppRouter()} />
  </StrictMode>,
);
