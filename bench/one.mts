import { inProcess } from './support/harness.js';
const [m, s, n] = process.argv.slice(2);
console.log(s, n, JSON.stringify(await inProcess(m!, [s!, n!, '4'])));
