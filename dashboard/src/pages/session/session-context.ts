import { createContext, useContext, useState } from 'react';

/** What the entries of a transcript need to know of their page. */
interface SessionContextValue {
  id: string;
  mayOperate: boolean;
  /** The agent waits for an answer, before which a command may not have begun. */
  waits: boolean;
  /** What the user has opened and closed, by entry. An entry that is out of sight is not on the page. */
  opened: Map<string, boolean>;
}

export const SessionContext = createContext<SessionContextValue>({
  id: '',
  mayOperate: false,
  waits: false,
  opened: new Map(),
});

/** Whether an entry is open: what the user chose, also after the entry was out of sight; else the default. */
export function useOpened(entry: string, byDefault: boolean): [boolean, (open: boolean) => void] {
  const { opened } = useContext(SessionContext);
  const [chosen, setChosen] = useState(opened.get(entry));
  const choose = (open: boolean) => {
    opened.set(entry, open);
    setChosen(open);
  };
  return [chosen ?? byDefault, choose];
}
