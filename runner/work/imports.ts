import { posix } from 'node:path';

/** Finds the files that a source file imports, by patterns. */
export type FindImports = (path: string, text: string) => string[];

/** How a language imports: what its statements name, and where that may be. */
interface Language {
  extensions: readonly string[];
  /** Each match has the name of what is imported in its first group that matched. */
  statements: readonly RegExp[];
  /** Paths at which the imported may be, from the root or after any folders. @param from the folder of the importing file */
  places(name: string, from: string): Places;
}

interface Places {
  /** Paths from the root of the repository. */
  exact?: string[];
  /** The ends of paths, which count if only one file has them. */
  ends?: string[];
}

const SCRIPTS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.vue', '.svelte'];
const HEADERS = ['.h', '.hh', '.hpp', '.hxx'];

const LANGUAGES: readonly Language[] = [
  {
    extensions: SCRIPTS,
    statements: [
      /\b(?:import|export)\b[^'"`;]{0,2000}?\bfrom\s*['"]([^'"\n]+)['"]/g,
      /\b(?:import|require)\s*\(?\s*['"]([^'"\n]+)['"]/g,
    ],
    places(name, from) {
      const path = name.startsWith('.') ? posix.join(from, name) : /^[@~]\//.test(name) ? name.slice(2) : null;
      if (path === null) return {};
      const bare = path.replace(/\.[cm]?jsx?$/, '');
      const all = [path, ...SCRIPTS.flatMap((end) => [`${bare}${end}`, `${path}${end}`, `${path}/index${end}`])];
      return { exact: name.startsWith('.') ? all : all.flatMap((one) => [one, `src/${one}`]) };
    },
  },
  {
    extensions: ['.py'],
    statements: [/^[ \t]*from[ \t]+([\w.]+)[ \t]+import\b/gm, /^[ \t]*import[ \t]+([\w.]+)/gm],
    places(name, from) {
      const up = /^\.*/.exec(name)![0].length;
      const rest = name.slice(up).replaceAll('.', '/');
      const modules = (path: string) => [`${path}.py`, posix.join(path, '__init__.py')];
      if (up > 0) return { exact: modules(posix.join(from, ...Array(up - 1).fill('..'), rest)) };
      return { ends: modules(rest) };
    },
  },
  {
    extensions: ['.go'],
    statements: [/^[ \t]*(?:import[ \t]+)?(?:[\w.]+[ \t]+)?"([\w.-]+(?:\/[\w.-]+)+)"[ \t]*$/gm],
    places: (name) => ({ ends: [...endsOf(`${name}/`)] }),
  },
  {
    extensions: ['.java', '.kt', '.scala', '.groovy'],
    statements: [/^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+)/gm],
    places(name) {
      const path = name.replaceAll('.', '/');
      const outer = posix.dirname(path);
      return { ends: ['.java', '.kt', '.scala', '.groovy'].flatMap((end) => [`${path}${end}`, `${outer}${end}`]) };
    },
  },
  {
    extensions: ['.rs'],
    statements: [/^[ \t]*(?:pub[ \t]+)?use[ \t]+crate::([\w:]+)/gm],
    places(name) {
      const path = name.replaceAll('::', '/').replace(/\/$/, '');
      const paths = [path, posix.dirname(path)].filter((one) => one !== '.');
      return { ends: paths.flatMap((one) => [`src/${one}.rs`, `src/${one}/mod.rs`]) };
    },
  },
  {
    extensions: ['.c', '.cc', '.cpp', '.cxx', '.m', '.mm', ...HEADERS],
    statements: [/^[ \t]*#[ \t]*(?:include|import)[ \t]+"([^"\n]+)"/gm],
    places: (name, from) => ({ exact: [posix.join(from, name)], ends: [posix.normalize(name)] }),
  },
  {
    extensions: ['.rb'],
    statements: [/^[ \t]*require_relative[ \t]+['"]([^'"\n]+)['"]/gm],
    places: (name, from) => ({ exact: [posix.join(from, name), `${posix.join(from, name)}.rb`] }),
  },
];

const BY_EXTENSION = new Map(
  LANGUAGES.flatMap((language) => language.extensions.map((end) => [end, language] as const)),
);

/** Whether the file is in a language whose imports are known. */
export function isSource(path: string): boolean {
  return BY_EXTENSION.has(posix.extname(path));
}

/** @param files the paths of all files of the repository, among which the imported ones are */
export function findImports(files: readonly string[]): FindImports {
  const known = new Set(files);
  const goFolders = files.filter((path) => path.endsWith('.go')).map((path) => `${posix.dirname(path)}/`);
  const ends = new Map<string, string | null>();
  for (const path of new Set([...files.filter(isSource), ...goFolders])) {
    for (const end of endsOf(path)) ends.set(end, ends.has(end) ? null : path);
  }
  return (path, text) => {
    const language = BY_EXTENSION.get(posix.extname(path));
    if (!language) return [];
    const from = posix.dirname(path);
    return language.statements.flatMap((statement) =>
      [...text.matchAll(statement)].flatMap(([, name]) => {
        const places = language.places(name!, from);
        const exact = places.exact?.find((place) => known.has(place));
        if (exact !== undefined) return [exact];
        const found = places.ends?.map((end) => ends.get(end)).find((place) => typeof place === 'string');
        return found ? [found] : [];
      }),
    );
  };
}

/** A path, and what is left of it without its first folders. */
function* endsOf(path: string): Generator<string> {
  for (let at = 0; at >= 0; at = path.indexOf('/', at) + 1 || -1) {
    if (at >= path.length) return;
    yield path.slice(at);
  }
}
