import { createRootRoute, createRoute, createRouter, Link, lazyRouteComponent } from '@tanstack/react-router';
import { readListSearch } from '../pages/sessions/list-search.ts';
import { Empty, ErrorNotice } from '../ui/notice.tsx';
import { Shell } from './shell.tsx';

const root = createRootRoute({
  component: Shell,
  errorComponent: ({ error }) => <ErrorNotice error={error} />,
  notFoundComponent: () => (
    <Empty title="Page not found" level={1}>
      <title>Page not found: Industrial Orchestrator</title>
      <Link to="/" className="underline">
        Go to the sessions
      </Link>
    </Empty>
  ),
});

/** Each page is a script of its own, so that the first script stays small. */
const SessionsPage = lazyRouteComponent(() => import('../pages/sessions/sessions-page.tsx'), 'SessionsPage');
const SessionPage = lazyRouteComponent(() => import('../pages/session/session-page.tsx'), 'SessionPage');

/** Loads the scripts of all pages, so that a page opens at once, and even while the control plane is away. */
export function loadPages(): void {
  for (const page of [SessionsPage, SessionPage]) void page.preload?.();
}

const sessions = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: readListSearch,
  component: SessionsPage,
});

const session = createRoute({
  getParentRoute: () => root,
  path: '/sessions/$id',
  component: function SessionRoute() {
    const { id } = session.useParams();
    // The key gives every session a new page, so that no state of another session remains.
    return <SessionPage key={id} id={id} />;
  },
});

export function createAppRouter() {
  return createRouter({
    routeTree: root.addChildren([sessions, session]),
    defaultPreload: false,
    // A link may have members that no page knows, such as `utm_source`.
    search: { strict: true },
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
