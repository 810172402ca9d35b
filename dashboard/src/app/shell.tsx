import { Link, Outlet } from '@tanstack/react-router';
import { useState } from 'react';
import { ClientProvider } from '../data/api.tsx';
import { signOut, useAuth } from '../data/auth.ts';
import { Button } from '../ui/button.tsx';
import { SignIn } from './sign-in.tsx';
import { chooseTheme, currentTheme } from './theme.ts';

/** The frame of every page: the header, and the sign-in form until the user has signed in. */
export function Shell() {
  const auth = useAuth();
  const signedIn = auth.status === 'signed_in';
  return (
    <div className="flex min-h-dvh flex-col">
      <a href="#main" className="caps sr-only bg-ink p-2 text-paper focus:not-sr-only focus:absolute">
        Skip to content
      </a>
      <header className="border-b-3 border-ink">
        <div className="mx-auto flex max-w-350 items-center justify-between gap-3 px-4 py-2">
          <Link to="/" className="flex items-center gap-3">
            <Mark />
            <span className="caps hidden text-sm sm:inline">OpenCode Industrial Orchestrator</span>
            <span className="caps text-sm sm:hidden">Orchestrator</span>
          </Link>
          <div className="flex items-center gap-1">
            <ThemeToggle />
            {signedIn && (
              <Button look="quiet" onClick={() => signOut()}>
                Sign out
              </Button>
            )}
          </div>
        </div>
      </header>
      <main id="main" className="mx-auto flex w-full max-w-350 min-w-0 flex-1 flex-col px-4 py-5">
        {signedIn ? (
          <ClientProvider token={auth.token}>
            <Outlet />
          </ClientProvider>
        ) : (
          <SignIn auth={auth} />
        )}
      </main>
    </div>
  );
}

function ThemeToggle() {
  const [theme, setTheme] = useState(currentTheme);
  const other = theme === 'dark' ? 'light' : 'dark';
  const toggle = () => {
    chooseTheme(other);
    setTheme(other);
  };
  return (
    <Button look="quiet" onClick={toggle} aria-label={`Use the ${other} theme`}>
      {other}
    </Button>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" className="size-8" role="img" aria-label="Orchestrator">
      <path className="fill-ink" d="M0 0h32v32H0z" />
      <path className="fill-paper" d="M3 3h26v26H3z" />
      <path className="fill-ink" d="M7 11h4v10H7zm14 0h4v10h-4zm-7 0h4v10h-4z" />
    </svg>
  );
}
