/** Node-API's headers: of the npm package that package.json names, or those that came with Node. */
export function nodeHeaders(): string;
/** Builds one C file into an addon. */
export function compile(source: string, target: string, ...flags: string[]): void;
/** Builds the crate in rust/. */
export function compileRust(target: string): void;
