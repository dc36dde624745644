/** A file's text, put into the bundle: by tsdown (see tsdown.config.ts) and by vitest. */
declare module '*?raw' {
  const text: string;
  export default text;
}
