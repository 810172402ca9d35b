import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueryClient } from './api.tsx';
import { signInFromAddress } from './auth.ts';
import { createAppRouter } from './router.tsx';
import { applyTheme } from './theme.ts';
import './styles.css';

applyTheme();
void signInFromAddress();

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={createQueryClient()}>
      <RouterProvider router={createAppRouter()} />
    </QueryClientProvider>
  </StrictMode>,
);
