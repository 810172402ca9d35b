import { Link, Outlet } from '@tanstack/react-router';
import { type ReactNode, useRef, useState } from 'react';
import { ClientProvider, usePrincipal } from '../data/api.tsx';
import { signOut, useAuth } from '../data/auth.ts';
import { WaitingProvider } from '../data/waiting.tsx';
import { Button } from '../ui/button.tsx';
import { useHeightAsVariable } from '../ui/use-height-as-variable.ts';
import { Attention } from './attention.tsx';
import { AwayNotice } from './away-notice.tsx';
import { SignIn } from './sign-in.tsx';
import { chooseTheme, currentTheme } from './theme.ts';

/** The frame of every page: the header, and the sign-in form until the user has signed in. */
export function Shell() {
  const auth = useAuth();
  if (auth.status !== 'signed_in') {
    return (
      <Frame>
        <SignIn auth={auth} />
      </Frame>
    );
  }
  return (
    <ClientProvider token={auth.token}>
      <WaitingProvider>
        <Frame notice={<Attention />} aside={<Account />}>
          <Outlet />
        </Frame>
      </WaitingProvider>
    </ClientProvider>
  );
}

function Frame({ notice, aside, children }: { notice?: ReactNode; aside?: ReactNode; children: ReactNode }) {
  const header = useRef<HTMLElement>(null);
  useHeightAsVariable(header, '--header');
  return (
    <div className="flex min-h-dvh flex-col">
      <a href="#main" className="caps sr-only bg-ink p-2 text-paper focus:not-sr-only focus:absolute focus:z-50">
        Skip to content
      </a>
      {/* It stays in sight. Notices stand inside it, so that the page under a pointer does not move when one comes. */}
      <header ref={header} className="sticky top-0 z-30 border-b-3 border-ink bg-paper">
        <div className="mx-auto flex h-14 max-w-350 items-center gap-3 px-4">
          <Link to="/" className="flex shrink-0 items-center gap-3">
            <Mark />
            <span className="caps hidden text-sm lg:inline">OpenCode Industrial Orchestrator</span>
            <span className="caps hidden text-sm sm:inline lg:hidden">Orchestrator</span>
          </Link>
          <div className="flex min-w-0 flex-1 justify-end gap-2">
            <AwayNotice />
            {notice}
          </div>
          <div className="flex shrink-0 items-center gap-1">
            <ThemeToggle />
            {aside}
          </div>
        </div>
      </header>
      <main
        id="main"
        tabIndex={-1}
        className="mx-auto flex w-full max-w-350 min-w-0 flex-1 flex-col px-4 py-5 outline-none"
      >
        {children}
      </main>
    </div>
  );
}

function Account() {
  const principal = usePrincipal();
  return (
    <>
      {principal && <span className="caps hidden px-2 text-mute sm:inline">{principal.role}</span>}
      <Button look="quiet" onClick={() => signOut()}>
        Sign out
      </Button>
    </>
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
