/** Files as texts, which Vite reads. */
declare module '*?raw' {
  const text: string;
  export default text;
}
