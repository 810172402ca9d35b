/** The reference page's only asset: black on white, sharp corners, heavy borders. */
export const STYLESHEET = `
:root { --ink: #000; --paper: #fff; --line: 3px solid var(--ink); }
* { box-sizing: border-box; border-radius: 0; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.5 ui-monospace, Menlo, Consolas, monospace; }
main, header, nav { max-width: 72rem; margin: 0 auto; padding: 1.5rem; }
main { padding-top: 0; }
article > div { overflow-x: auto; }
header { border-bottom: 8px solid var(--ink); }
h1 { font-size: 2.2rem; line-height: 1.1; margin: 0 0 .5rem; text-transform: uppercase; }
h2 { font-size: 1.5rem; margin: 2rem 0 1rem; border-bottom: var(--line); text-transform: uppercase; }
h3 { font-size: 1rem; margin: 0; padding: .5rem .75rem; background: var(--ink); color: var(--paper); overflow-wrap: anywhere; }
h3 b { display: inline-block; min-width: 5rem; }
h4 { font-size: .85rem; margin: 1rem 0 .25rem; text-transform: uppercase; }
a { color: inherit; text-decoration-thickness: 2px; }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .75rem; }
nav a { display: block; padding: .25rem .75rem; border: var(--line); text-decoration: none; font-weight: 700; }
nav a:hover { background: var(--ink); color: var(--paper); }
article { border: var(--line); margin: 0 0 1.5rem; }
article > div { padding: .75rem; }
p { margin: 0 0 .5rem; max-width: 48rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { border: 1px solid var(--ink); padding: .25rem .5rem; text-align: left; vertical-align: top; overflow-wrap: break-word; }
pre { border: 1px solid var(--ink); padding: .5rem; overflow-x: auto; font-size: .85rem; margin: 0; }
summary { cursor: pointer; font-weight: 700; }
`;
